# frozen_string_literal: true

require "time"

module Nudge
  # Rack middleware that answers 304 to a poll whose client has the stored versions already, before session, database and view.
  # Use it in front of everything else:
  #
  #   use Nudge::Middleware, client: nudge, identity: ["cookie:rack.session", "header:authorization", "header:accept"]
  #
  # identity names the cookies and headers that decide who asks, so that nobody gets the answer of somebody else, and what: a
  # browser that has JSON of a path sends its validator also when it navigates there. An answer whose Vary names another header
  # gets no validator. A cookie that is encrypted anew in each answer would end the validators of all tabs: read, a hash of
  # callables by name of the identity, makes a text of it that changes only with its content:
  # read: { "cookie:s" => ->(env, value) { … } }.
  # The application says which versions its answer has: Nudge.answered(headers, 42 => 124).
  class Middleware
    # Middleware below Rack::ETag: tells the answers with an ETag of the application from those to which Rack::ETag gives one.
    class Inner
      KEY = "nudge.without_etag"

      def initialize(app)
        @app = app
      end

      def call(env)
        answer = @app.call(env)
        env[KEY] = answer[1].none? { |name, _| Middleware::VALIDATORS.include?(name.downcase) }
        answer
      end
    end

    VALIDATORS = %w[etag last-modified].freeze
    HARMLESS = %w[accept-encoding cookie origin].freeze # in Vary: other bytes of the same answer, identity, CORS
    FUTURE = 5 # seconds that the clock of another server may be ahead
    IDENTITY = /\A(cookie|header):[^\s=;,]+\z/

    def initialize(app, identity:, client: nil, read: {})
      @app = app
      @client = client
      @read = read
      @names = Array(identity).map { |name| name.to_s.sub(/\Aheader:.*/) { |n| n.downcase } }
      wrong = @names.find { |name| !IDENTITY.match?(name) }
      raise Invalid, "identity: #{wrong.inspect}; write cookie:NAME or header:NAME" if wrong
      raise Invalid, 'identity: empty; name what decides who asks, such as ["cookie:rack.session", "header:authorization"]' if @names.empty?
      client&.secret # raises if there is none
    end

    def call(env)
      saved(env) || answered(env, @app.call(env))
    end

    private

    def client
      @client || Nudge.client
    end

    # saved returns 304 if the client has what is stored, else nil.
    def saved(env)
      header = env["HTTP_IF_NONE_MATCH"]
      return unless header&.include?("nudge1.") && %w[GET HEAD].include?(env["REQUEST_METHOD"])
      who = identity(env) or return
      etag, time, versions = Validator.read(client.secret, header, path(env), who)
      return unless etag && (Time.now.to_i - time).between?(-FUTURE, client.slow)
      return unless client.stored(versions.map(&:first)) == versions.map(&:last)
      [304, { "etag" => etag, "cache-control" => "private, no-cache" }, []]
    rescue StandardError => e
      log_once(e.message[0, 40]) { "polls go to the application: #{e.message}" } unless e.message == Connections::PAUSED
      nil
    end

    # answered gives the answer of the application a validator if it says which versions it has.
    def answered(env, answer)
      status, headers, body = answer
      return answer unless headers.any? { |name, _| name.downcase == HEADER }
      [status, validated(env, status, headers), body]
    rescue StandardError => e
      log_once(e.class) { "an answer gets no validator: #{e.message}" }
      answer
    end

    def validated(env, status, headers)
      names = headers.to_h { |name, _| [name.downcase, name] } # the spelling of each
      value = ->(name) { names[name] && headers[names[name]] }
      versions = Middleware.versions(Array(value[HEADER]).join(","))
      headers = headers.dup
      headers.delete(names[HEADER])
      return headers unless status.to_i == 200 && env["REQUEST_METHOD"] == "GET"
      replace = env[Inner::KEY] # Rack::ETag gave it, and not the application
      return headers if VALIDATORS.any? { |name| names.key?(name) } && !replace
      control = value["cache-control"].to_s.downcase
      return headers if control.include?("no-store")
      if control.match?(/public|s-maxage/)
        log_once(:public) { "#{path(env)} says Cache-Control: #{control}, so its answers get no validator; remove public and s-maxage" }
        return headers
      end
      others = value["vary"].to_s.downcase.split(/[\s,]+/) - HARMLESS - @names.map { |name| name.delete_prefix("header:") }
      unless others.empty?
        log_once(:vary) { "#{path(env)} answers by #{others.join(", ")}, so its answers get no validator; add header:#{others.first} to identity" }
        return headers
      end
      who = identity(env, value["set-cookie"]) or return headers
      etag = Validator.make(client.secret, Time.now.to_i, versions, path(env), who)
      return headers unless etag
      headers.delete(names["etag"]) if names["etag"]
      headers["etag"] = etag
      given = names["cache-control"] && !(replace && control == Rack::ETag::DEFAULT_CACHE_CONTROL)
      unless given
        headers.delete(names["cache-control"]) if names["cache-control"]
        headers["cache-control"] = "private, no-cache"
      end
      headers
    end

    # versions are those of a header X-Nudge-Version: 42=124, 43=9
    def self.versions(text)
      text.to_s.split(",").to_h do |mark|
        project, version = mark.strip.split("=", 2)
        raise Invalid, "no number" unless version&.match?(/\A\d{1,16}\z/)
        [News.project(project), News.version(version.to_i)]
      end
    rescue Invalid
      raise Invalid, "X-Nudge-Version: #{News.short(text)}; write 42=124, 43=9"
    end

    # path is that of the request as the client sent it.
    def path(env)
      uri = env["REQUEST_URI"] || "#{env["SCRIPT_NAME"]}#{env["PATH_INFO"]}"
      uri.sub(%r{\Ahttps?://[^/?#]*}i, "")[/\A[^?#]*/]
    end

    # identity are the pairs of name and value that the browser sends with its next request, after the cookies of this answer. nil:
    # a cookie is there twice, as a page of a sister host can set one, and nobody knows which one the application takes.
    def identity(env, set_cookie = nil)
      @names.map do |name|
        kind, key = name.split(":", 2)
        next [name, env["HTTP_#{key.upcase.tr("-", "_")}"].to_s] if kind == "header"
        sent = cookies(env, key)
        return nil if sent.size > 1
        value = new_cookie(set_cookie, key) || sent.first || ""
        [name, @read[name] && !value.empty? ? @read[name].call(env, value) || value : value]
      end
    end

    def cookies(env, name)
      pairs = env["HTTP_COOKIE"].to_s.split(";").map(&:strip)
      pairs.filter_map { |pair| pair.delete_prefix("#{name}=") if pair.start_with?("#{name}=") }
    end

    def new_cookie(set_cookie, name)
      lines = set_cookie.is_a?(Array) ? set_cookie : set_cookie.to_s.split("\n") # Rack 3, Rack 2
      line = lines.reverse.find { |l| l.start_with?("#{name}=") } or return
      pair, *attributes = line.split(";").map(&:strip)
      gone = attributes.any? do |attribute|
        key, value = attribute.split("=", 2)
        case key.to_s.downcase
        when "max-age" then value.to_i <= 0
        when "expires" then Time.httpdate(value.to_s.tr("-", " ")) <= Time.now
        end
      rescue ArgumentError
        false
      end
      gone ? "" : pair.delete_prefix("#{name}=")
    end

    def log_once(about)
      @logged ||= {}
      return if @logged[about]
      @logged[about] = true
      client.logger.warn("nudge: #{yield}")
    rescue StandardError
      nil
    end
  end
end
