# frozen_string_literal: true

require "digest/sha1"
require "logger"

module Nudge
  # Publishes versions of projects and signs tokens. One client serves all threads, and works after a fork.
  #
  #   nudge = Nudge::Client.new(redis: ENV["REDIS_URL"], secret: ENV["NUDGE_AUTH_SECRET"])
  #   nudge.publish(42, 124)                # after the commit; never raises
  #   nudge.token_for(user.id, [42, "team-*"])
  class Client
    SCRIPT = File.read(File.join(__dir__, "publish.lua"), encoding: "UTF-8").freeze
    SHA = Digest::SHA1.hexdigest(SCRIPT).freeze
    POLL_TIMEOUT = 0.1 # seconds that a poll waits for Redis before it goes to the application
    PREFIX = /\A[A-Za-z0-9._~:-]{0,63}[A-Za-z0-9._~-]\z/
    LOST = "pages find the change at their next poll"

    attr_reader :prefix, :slow, :logger

    # redis: a URL, a Redis or a ConnectionPool; Nudge opens connections of its own to it. prefix, secret, audience, issuer and
    # slow: as redis.prefix, auth.secret, auth.audience, auth.issuer and poll.slow of the gateway. expire: seconds until keys
    # expire, 0: never. timeout: seconds, of connecting and of each call.
    def initialize(redis:, prefix: "nudge", expire: 0, timeout: 1, logger: nil, secret: nil, issuer: nil, audience: "nudge", slow: 300)
      raise Invalid, "prefix: #{News.short(prefix)}; give redis.prefix of the gateway, such as nudge" unless prefix.is_a?(String) && PREFIX.match?(prefix)
      raise Invalid, "expire: #{News.short(expire)}; give whole seconds, or 0 for never" unless expire.is_a?(Integer) && expire >= 0
      { timeout: timeout, slow: slow }.each do |name, value|
        raise Invalid, "#{name}: #{News.short(value)}; give seconds, more than 0" unless value.is_a?(Numeric) && value.positive?
      end
      { issuer: issuer, audience: audience }.each do |name, value|
        raise Invalid, "#{name}: #{News.short(value)}; give the text in auth.#{name} of the gateway, or nil" unless value.nil? || (value.is_a?(String) && !value.empty?)
      end
      @prefix = prefix
      @expire = expire
      @slow = slow
      @issuer = issuer
      @audience = audience
      @secret = secret && Token.secret(secret)
      @logger = logger || Logger.new($stderr)
      connect(redis, timeout)
    end

    # publish stores and announces a version. true: done. false: Redis has the same or a newer version, or it failed, and the
    # log says so. It never raises, since the change is committed. Options: prev, writer, data, reset, traceparent.
    def publish(project, version, **more)
      publish!(project, version, **more)
    rescue StandardError => e
      failed(e, [[project, version]])
      false
    end

    # publish! does the same, and raises Unavailable or Invalid.
    def publish!(project, version, **more)
      deliver([News.new(project, version, **more)]) == 1
    end

    # publish_many publishes a list of [project, version] together, and returns how many were announced. It never raises.
    def publish_many(list)
      list = list.to_a
      good = list.filter_map do |project, version|
        News.new(project, version)
      rescue Invalid => e
        failed(e, [[project, version]])
        nil
      end
      deliver(good)
    rescue StandardError => e
      failed(e, list)
      0
    end

    # publish_many! does the same, and raises Unavailable or Invalid.
    def publish_many!(list)
      deliver(list.map { |project, version| News.new(project, version) })
    end

    # token_for signs a token by which a user may watch projects: ids, and patterns such as "team-*". publish: what it may
    # publish through a gateway. ttl: seconds that it is valid. Raises Invalid.
    def token_for(user, projects, ttl: 3600, publish: [], claims: {})
      Token.sign(secret, user, projects, ttl: ttl, publish: publish, claims: claims, issuer: @issuer, audience: @audience)
    end

    # stored returns the stored versions of projects, as texts in their order, nil where there is none. Raises Unavailable.
    def stored(projects)
      keys = projects.map { |project| key(project) }
      @polls.use { |redis| @polls.cluster? ? keys.map { |k| redis.get(k) } : redis.mget(*keys) }
    end

    def secret
      @secret or raise Invalid, "secret: not set; give the gateway's auth.secret"
    end

    def inspect
      "#<#{self.class} prefix=#{@prefix.inspect}>"
    end

    private

    def connect(redis, timeout)
      @publishers = Connections.new(redis, timeout: timeout)
      @polls = Connections.new(redis, timeout: POLL_TIMEOUT)
    end

    # deliver runs the script for each of the news, and returns how many were announced.
    def deliver(news)
      return 0 if news.empty?
      @publishers.use do |redis|
        first, *others = news
        count = run(redis, first) # brings the script, so that the others find it
        count + (@publishers.cluster? || others.empty? ? others.sum { |n| run(redis, n) } : pipelined(redis, others))
      end
    end

    def pipelined(redis, news)
      redis.pipelined { |pipeline| news.each { |n| pipeline.evalsha(SHA, [key(n.project)], n.argv(@expire)) } }.sum
    end

    def run(redis, news)
      keys = [key(news.project)]
      argv = news.argv(@expire)
      redis.evalsha(SHA, keys, argv)
    rescue ::Redis::CommandError => e
      raise unless e.message.start_with?("NOSCRIPT")
      redis.eval(SCRIPT, keys, argv)
    end

    def key(project)
      "#{@prefix}:{#{project}}"
    end

    def failed(error, list)
      shown = list.first(10).map { |project, version| "version #{News.short(version)} of project #{News.short(project)}" }
      shown << "#{list.size - 10} more" if list.size > 10
      fix = error.is_a?(Unavailable) ? "; look whether Redis runs, and whether redis: names it" : ""
      @logger.warn("nudge: not announced: #{shown.join(", ")}; #{LOST}: #{error.message.lines.first&.chomp}#{fix}")
    rescue StandardError # a log that cannot be written must not break a request either
      nil
    end
  end
end
