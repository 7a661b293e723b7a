# frozen_string_literal: true

require_relative "helper"
require "rack"

class MiddlewareTest < NudgeTest
  def setup
    super
    @headers = {}
    @status = 200
    @calls = 0
    @nudge = client
    @nudge.publish(42, 124)
  end

  def app
    @app ||= Rack::Lint.new(Nudge::Middleware.new(Rack::Lint.new(lambda { |_env|
      @calls += 1
      [@status, { "Content-Type" => "text/plain", "X-Nudge-Version" => "42=124" }.merge(@headers), ["news"]]
    }), client: @nudge, identity: ["cookie:sid", "header:Authorization"]))
  end

  def get(etag = nil, path: "/p?since=1", method: "GET", cookie: "sid=x", **more)
    env = Rack::MockRequest.env_for(path, method: method, "HTTP_COOKIE" => cookie, **more)
    env["HTTP_IF_NONE_MATCH"] = etag if etag
    status, headers, body = app.call(env)
    text = +""
    body.each { |part| text << part }
    body.close if body.respond_to?(:close)
    [status, headers.to_h.transform_keys(&:downcase), text]
  end

  def test_answers_what_has_not_changed
    status, headers, body = get
    assert_equal [200, "news", "private, no-cache"], [status, body, headers["cache-control"]]
    refute headers.key?("x-nudge-version")
    etag = headers["etag"]
    assert_match(/\AW\/"nudge1\.\d+\.NDI9MTI0\.[\w-]{22}"\z/, etag)
    [etag, etag.sub(/"\z/, '-gzip"'), "\"other\", W/\"nudge1.1.#{"A" * 4}.#{"A" * 22}\", #{etag}", etag.sub(/"\z/, ';br"')].each do |header|
      assert_equal [304, { "etag" => etag, "cache-control" => "private, no-cache" }, ""], get(header)
      assert_equal 304, get(header, method: "HEAD")[0]
    end
    assert_equal 1, @calls
    @nudge.publish(42, 125)
    assert_equal 200, get(etag)[0]
    assert_equal 2, @calls
  end

  def test_what_goes_through
    etag = get[1]["etag"]
    go = lambda do |why, **more, &block|
      calls = @calls
      block&.call
      assert_equal [200, calls + 1], [get(etag, **more)[0], @calls], why
    end
    go.call("another path", path: "/q")
    go.call("another method", method: "POST")
    go.call("another user", cookie: "sid=y")
    go.call("no user", cookie: "")
    go.call("another authorization", "HTTP_AUTHORIZATION" => "Bearer x")
    Time.stub(:now, Time.now + 302) { go.call("too old: it audits push") }
    Time.stub(:now, Time.now - 10) { go.call("from the future") }
    go.call("a version that went down") { redis.set("nudge:{42}", 123) }
    go.call("an unreadable version") { redis.set("nudge:{42}", "0124") }
    go.call("a version of another type") { redis.del("nudge:{42}"); redis.lpush("nudge:{42}", 124) }
    go.call("no version") { redis.del("nudge:{42}") }
    redis.set("nudge:{42}", 124)
    assert_equal 304, get(etag)[0]
    tampered = etag.sub("NDI9MTI0", "NDI9MTI1")
    assert_equal 200, get(tampered)[0]
  end

  def test_redis_is_away
    etag = get[1]["etag"]
    listening do |url, accepted|
      @nudge = client(redis: url)
      polls = Nudge::Connections.new(url, timeout: 0.05)
      polls.define_singleton_method(:now) { 100.0 } # no second passes meanwhile
      @nudge.instance_variable_set(:@polls, polls)
      @app = nil
      3.times { assert_equal 200, get(etag)[0] }
      accepted.pop
      assert_empty accepted
    end
    assert_equal 1, log.string.scan("polls go to the application: ").size
  end

  def test_without_the_right_to_read
    etag = get[1]["etag"]
    redis.acl("SETUSER", "writer", "on", ">geheim", "+@all", "-mget", "~*", "&*")
    @nudge = client(redis: URL.sub("//", "//writer:geheim@"))
    @app = nil
    3.times { assert_equal 200, get(etag)[0] }
    assert_equal 1, log.string.scan("NOPERM").size
    refute_match(/geheim/, log.string)
  ensure
    redis.acl("DELUSER", "writer")
  end

  def test_what_gets_no_validator
    [[404, {}], [200, { "ETag" => '"own"' }], [200, { "Last-Modified" => "Thu, 01 Jan 1970 00:00:00 GMT" }], [200, { "Cache-Control" => "no-store" }],
     [200, { "Cache-Control" => "public, max-age=3" }], [200, { "Cache-Control" => "s-maxage=3" }], [200, { "X-Nudge-Version" => "" }],
     [200, { "X-Nudge-Version" => "42" }], [200, { "X-Nudge-Version" => Array.new(65) { |i| "#{i}=1" }.join(",") }]].each do |status, headers|
      @status = status
      @headers = headers
      got = get
      assert headers["ETag"] == got[1]["etag"], headers.inspect
      assert_equal [status, "news"], [got[0], got[2]]
    end
    assert_equal 1, log.string.scan("remove public").size
    @headers = {}
    assert_nil get(method: "POST")[1]["etag"]
    @headers = { "Cache-Control" => "private, max-age=0" }
    @status = 200
    assert_equal "private, max-age=0", get[1]["cache-control"]
  end

  def test_vary
    ["Accept", "Accept-Encoding, X-Mine", "*"].each do |vary|
      @headers = { "Vary" => vary }
      assert_nil get[1]["etag"], vary
    end
    assert_equal 1, log.string.scan("add header:accept to identity").size
    @headers = { "Vary" => "Accept-Encoding, Origin,Cookie, Authorization" }
    refute_nil get[1]["etag"]
  end

  def test_the_answer_changes_who_asks
    @headers = { "Set-Cookie" => "a=b; path=/\nsid=y; path=/; HttpOnly" }
    etag = get[1]["etag"]
    assert_equal 200, get(etag, cookie: "sid=x")[0]
    assert_equal 304, get(etag, cookie: "a=b; sid=y")[0]
    ["sid=; max-age=0", "sid=z; expires=Thu, 01-Jan-1970 00:00:00 GMT"].each do |gone|
      @headers = { "Set-Cookie" => gone }
      assert_equal 304, get(get[1]["etag"], cookie: "")[0]
    end
  end

  def test_rack_3
    middleware = Nudge::Middleware.new(->(_) { [200, { "x-nudge-version" => "42=124", "set-cookie" => ["a=b", "sid=y"] }, ["n"]] },
                                       client: @nudge, identity: ["cookie:sid"])
    env = Rack::MockRequest.env_for("/p", "HTTP_COOKIE" => "sid=x")
    etag = middleware.call(env.dup)[1].fetch("etag")
    assert_equal 304, middleware.call(env.merge("HTTP_COOKIE" => "sid=y", "HTTP_IF_NONE_MATCH" => etag))[0]
  end

  def test_rack_etag_is_replaced_and_one_of_the_application_is_not
    own = {}
    inside = Nudge::Middleware::Inner.new(->(_) { [200, { "Content-Type" => "a/b", "X-Nudge-Version" => "42=124" }.merge(own), ["n"]] })
    app = Nudge::Middleware.new(Rack::ETag.new(inside), client: @nudge, identity: ["cookie:sid"])
    headers = app.call(Rack::MockRequest.env_for("/p"))[1]
    assert_match(/nudge1/, headers["etag"])
    assert_equal "private, no-cache", headers["cache-control"]
    own["ETag"] = '"own"'
    assert_equal '"own"', app.call(Rack::MockRequest.env_for("/p"))[1]["ETag"]
  end

  def test_answered
    headers = {}
    Nudge.answered(headers, 42 => 124)
    Nudge.answered(Rack::Response.new("", 200, headers), "a" => 9)
    assert_equal "42=124", headers["x-nudge-version"]
    assert_equal({ "42" => 124, "a" => 9 }, Nudge::Middleware.versions("42=124, a=9"))
    assert_raises(Nudge::Invalid) { Nudge.answered({}, "a,b" => 1) }
  end

  def test_options
    { [] => "identity: empty", ["sid"] => 'identity: "sid"', ["cookie:a=b"] => "identity: " }.each do |identity, message|
      error = assert_raises(Nudge::Invalid) { Nudge::Middleware.new(nil, client: @nudge, identity: identity) }
      assert error.message.start_with?(message), error.message
    end
    assert_raises(Nudge::Invalid) { Nudge::Middleware.new(nil, client: Nudge::Client.new(redis: URL), identity: ["cookie:a"]) }
  end
end
