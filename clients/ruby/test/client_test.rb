# frozen_string_literal: true

require_relative "helper"

class ClientTest < NudgeTest
  def test_publish
    nudge = client
    heard = messages do
      assert_equal true, nudge.publish(42, 124)
      assert_equal false, nudge.publish("42", 124)
      assert_equal false, nudge.publish("42", 7)
      assert_equal true, nudge.publish("42", 125, prev: 124, writer: "tab-1", data: { "title" => "größer" })
      assert_equal true, nudge.publish("42", 3, reset: true)
      assert_equal true, nudge.publish("A.z_9~:-", (2**53) - 1)
    end
    assert_equal ["nudge:{42}", "124"], heard[0]
    assert_equal({ "version" => 125, "prev" => 124, "writer" => "tab-1", "data" => { "title" => "größer" } }, JSON.parse(heard[1][1]))
    assert_equal '{"version":3,"reset":true}', heard[2][1]
    assert_equal "9007199254740991", heard[3][1]
    assert_equal "3", redis.get("nudge:{42}")
    assert_empty log.string
  end

  def test_publish_many
    nudge = client
    nudge.publish(1, 5)
    assert_equal 3, nudge.publish_many([[1, 5], ["2", 1], [3, 1], [3, 2], ["a b", 1]])
    assert_equal %w[5 1 2], nudge.stored([1, 2, 3])
    assert_match(/project: "a b"/, log.string)
    redis.script(:flush)
    assert_equal 2, nudge.publish_many({ 1 => 6, 2 => 6 })
    assert_equal 0, nudge.publish_many([])
    assert_raises(Nudge::Invalid) { nudge.publish_many!([["", 1]]) }
    redis.lpush("nudge:{4}", "of another type")
    assert_equal 1, nudge.publish_many([[4, 1]])
  end

  def test_prefix_and_expire
    client(prefix: "app", expire: 100).publish(1, 1)
    assert_includes 1..100, redis.ttl("app:{1}")
  end

  def test_what_is_wrong_is_logged_and_not_raised
    nudge = client
    { [nil, 1] => "project: nil", ["", 1] => 'project: ""', ["größe", 1] => "project: ", ["x" * 129, 1] => "project: ", [:a, 1] => "project: :a",
      ["\xff", 1] => "project: ", ["42\n", 1] => "project: ", [4.2, 1] => "project: 4.2",
      [42, -1] => "version: -1", [42, 2**53] => "version: 9007199254740992", [42, "1"] => 'version: "1"', [42, 1.0] => "version: 1.0", [42, nil] => "version: nil",
      [42, 1, { prev: -1 }] => "prev: -1", [42, 1, { writer: "x" * 129 }] => "writer: ", [42, 1, { data: 1 }] => "data: needs prev",
      [42, 1, { prev: 0, data: "x" * 8191 }] => "data: 8193 bytes", [42, 1, { prev: 0, data: "\xff" }] => "data: cannot" }.each do |arguments, message|
      log.truncate(log.rewind)
      project, version, more = arguments
      assert_equal false, nudge.publish(project, version, **(more || {})), arguments.inspect
      assert_includes log.string, message
      assert_includes log.string, "pages find the change at their next poll"
      assert_raises(Nudge::Invalid) { nudge.publish!(project, version, **(more || {})) }
    end
    assert_equal false, nudge.publish(1, 1, unknown: 1)
    assert_equal 0, redis.dbsize
  end

  def test_redis_is_away
    nudge = client(redis: "redis://user:geheim@127.0.0.1:1")
    nudge.instance_variable_get(:@publishers).define_singleton_method(:now) { 100.0 } # no second passes meanwhile
    assert_equal false, nudge.publish(42, 124)
    assert_match(/version 124 of project 42; pages find the change at their next poll: .*look whether Redis runs/, log.string)
    error = assert_raises(Nudge::Unavailable) { nudge.publish!(42, 124) }
    assert_match(/less than a second ago/, error.message)
    assert_equal 0, nudge.publish_many([[1, 2]])
    refute_match(/geheim/, log.string + error.full_message + nudge.inspect)
  end

  def test_after_a_failure_nobody_waits_until_one_tries_again
    listening do |url, accepted|
      connections = Nudge::Connections.new(url, timeout: 0.05)
      now = 100.0
      connections.define_singleton_method(:now) { now }
      asked = lambda { assert_raises(Nudge::Unavailable) { connections.use { |redis| redis.get("a") } } }
      asked.call
      accepted.pop
      asked.call
      assert_empty accepted, "a call within the second asked Redis"
      now += 1.1
      asked.call
      accepted.pop
      patient = { timeout: 10, connect_timeout: 10, read_timeout: 10, write_timeout: 10 } # the machine may be busy
      connections.instance_variable_get(:@options).merge!(patient, url: URL) # it is back
      now += 2
      2.times { connections.use { |redis| redis.get("a") } }
    end
  end

  def test_a_silent_redis_costs_the_time_out_once
    listening do |url, accepted|
      refute client(redis: url, timeout: 0.05).publish(42, 1)
      accepted.pop
      assert_empty accepted
      assert_match(/timed out/i, log.string)
      refute_match(/passpass/, log.string)
    end
  end

  def test_a_broken_connection_is_replaced_once
    nudge = client
    assert nudge.publish(42, 1)
    redis.client(:kill, "TYPE", "normal", "SKIPME", "yes")
    assert nudge.publish(42, 2)
    assert_empty log.string
    listening(closes: true) { |url, _| refute client(redis: url).publish(42, 3) }
  end

  def test_threads
    nudge = client
    announced = Array.new(8) { |i| Thread.new { (1..25).count { |v| nudge.publish(42, (v * 8) + i) } } }.sum(&:value)
    assert_includes 25..200, announced
    assert_equal "207", redis.get("nudge:{42}")
    assert_empty log.string
  end

  def test_fork
    nudge = client
    nudge.publish(42, 1)
    pids = Array.new(2) { |i| fork { exit!(nudge.publish("child-#{i}", 1) ? 0 : 1) } }
    assert nudge.publish(42, 2)
    pids.each { |pid| assert_predicate Process.wait2(pid)[1], :success? }
    assert nudge.publish(42, 3)
    assert_empty log.string
  end

  def test_clients_of_the_application
    given = Redis.new(url: URL, timeout: 9)
    pool = Object.new
    pool.define_singleton_method(:with) { |&block| block.call(given) }
    namespace = Struct.new(:namespace, :redis).new("app", given)
    [given, pool, namespace].each_with_index { |redis, i| assert client(redis: redis).publish(42, i + 1), redis.class }
    assert_equal "3", redis.get("nudge:{42}")
    assert_raises(Nudge::Invalid) { client(redis: Struct.new(:namespace, :redis).new("app", Object.new)) }
  end

  def test_options
    { { redis: nil } => "redis: missing", { redis: 5 } => "redis: a Integer", { redis: "http://x" } => "redis: not a URL",
      { redis: "redis://:a/b geheim@x" } => "redis: not a URL", { prefix: "a{b" } => "prefix: ", { prefix: nil } => "prefix: ",
      { expire: -1 } => "expire: ", { expire: 1.5 } => "expire: ", { timeout: 0 } => "timeout: ", { slow: "1" } => "slow: ",
      { secret: "short" } => "secret: 5 bytes", { secret: "base64:???" } => "secret: not base64", { secret: "#{"x" * 32}\n" } => "secret: white space",
      { secret: 7 } => "secret: not a text", { issuer: 1 } => "issuer: ", { audience: "" } => "audience: " }.each do |option, message|
      error = assert_raises(Nudge::Invalid, option.inspect) { Nudge::Client.new(redis: URL, **option) }
      assert error.message.start_with?(message), error.message
      refute_match(/geheim/, error.full_message)
    end
  end

  def test_testing
    nudge = Nudge::Testing.new
    assert nudge.publish(42, 124)
    assert_equal 2, nudge.publish_many([["a", 1], ["b", 2]])
    refute nudge.publish("a b", 1)
    assert_equal [["42", 124], ["a", 1], ["b", 2]], nudge.published
    assert_equal ["124", nil], nudge.stored(%w[42 c])
    nudge.failing = true
    refute nudge.publish(42, 125)
    assert_raises(Nudge::Unavailable) { nudge.publish!(42, 125) }
    assert_equal 3, nudge.clear.size + 3
    assert_equal 3, nudge.token_for(1, [42]).split(".").size
  end
end
