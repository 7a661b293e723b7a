# frozen_string_literal: true

require "redis"

module Nudge
  # Connections of Nudge's own to the application's Redis, with time-outs of their own. Any number of threads may use them, and
  # a process that was forked opens new ones. After a failure, calls fail at once for a second; then one call tries again.
  class Connections
    PAUSE = 1
    PAUSED = "Redis failed less than a second ago"

    # redis is a URL, a Redis, or something whose `with` yields a Redis, such as a ConnectionPool.
    def initialize(redis, timeout:)
      @class, options = self.class.target(redis)
      @cluster = options.key?(:cluster) || @class.name == "Redis::Cluster"
      @timeout = timeout
      @secrets = [options[:password], self.class.password(options[:url])].compact.reject(&:empty?)
      # One retry, and only where it helps, is made below: redis-rb's own would wait for a silent server twice.
      @options = options.merge(timeout: timeout, connect_timeout: timeout, read_timeout: timeout, write_timeout: timeout,
                               reconnect_attempts: 0)
      @lock = Mutex.new
      @idle = []
      @pid = Process.pid
      @class.new(@options) # connects to nothing, but raises if an option is bad
    rescue URI::InvalidURIError, ArgumentError => e
      raise e if e.is_a?(Invalid)
      raise Invalid, "redis: not a URL such as redis://127.0.0.1:6379; write special characters of a password " \
                     "as percent and two digits", cause: nil # the cause may hold the password
    end

    def cluster?
      @cluster
    end

    # use yields a Redis and returns what the block does. It raises Unavailable if that fails.
    def use(&block)
      retried = false
      begin
        raise Unavailable, PAUSED unless retried || may_try?
        redis, used = retried ? [@class.new(@options), false] : take
        keep(redis, redis_call(redis, &block))
      rescue ::Redis::ConnectionError => e # a connection that was open, and is no longer
        if used && !retried
          retried = true
          retry
        end
        fail_with(e)
      rescue ::Redis::BaseError, SystemCallError, SocketError, IOError, OpenSSL::SSL::SSLError => e
        fail_with(e)
      end
    end

    # target says of which class and with which options a client of the same Redis is made.
    def self.target(redis)
      case redis
      when String then [::Redis, { url: redis }]
      when ::Redis then [redis.class, redis.instance_variable_get(:@options).dup]
      else
        # Redis::Namespace puts a prefix before keys, where no gateway listens, so only what it wraps is used.
        inner = redis.redis if redis.respond_to?(:namespace) && redis.respond_to?(:redis)
        inner ||= redis.with { |r| r } if redis.respond_to?(:with)
        return target(inner) if inner && !inner.equal?(redis)
        raise Invalid, "redis: #{redis.nil? ? "missing" : "a #{redis.class}"}; give a URL such as redis://127.0.0.1:6379, " \
                       "a Redis or a ConnectionPool of these"
      end
    end

    def self.password(url)
      url && URI(url).password
    end

    def inspect
      "#<#{self.class}>"
    end

    private

    def redis_call(redis)
      yield redis
    rescue ::Redis::CommandError
      keep(redis, nil) # the server has answered
      raise
    rescue Exception # rubocop:disable Lint/RescueException: of Timeout too, after which an answer may still come
      redis.close
      raise
    end

    def take
      @lock.synchronize do
        unless @pid == Process.pid
          @idle = [] # not closed: the parent uses these sockets
          @pid = Process.pid
        end
        redis = @idle.pop
        [redis || @class.new(@options), !redis.nil?]
      end
    end

    def keep(redis, result)
      @lock.synchronize do
        @idle << redis if @pid == Process.pid
        @not_before = nil
      end
      result
    end

    def may_try?
      @lock.synchronize do
        return true unless @not_before
        return false if now < @not_before
        @not_before = now + PAUSE + @timeout # the others wait for what this call finds
        true
      end
    end

    def fail_with(error)
      @lock.synchronize { @not_before = now + PAUSE } unless error.is_a?(::Redis::CommandError)
      message = error.message.gsub(%r{(\w+://)[^@\s]*@}, '\1…@')
      @secrets.each { |secret| message = message.gsub(secret, "…") }
      raise Unavailable, message, cause: nil
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
