# frozen_string_literal: true

require "minitest/autorun"
require "minitest/mock"
require "stringio"
require "socket"
require "nudge"

URL = ENV.fetch("REDIS_URL") # of an empty Redis that the tests may write to
SECRET = "a secret that is thirty-two bytes"

# Polls wait for Redis longer than 0.1 s: the machine may be busy.
Nudge::Client.send(:remove_const, :POLL_TIMEOUT)
Nudge::Client::POLL_TIMEOUT = 10

class NudgeTest < Minitest::Test
  def setup
    redis.flushall
    redis.script(:flush)
  end

  def redis
    @redis ||= Redis.new(url: URL)
  end

  def log
    @log ||= StringIO.new
  end

  def client(redis: URL, **options)
    Nudge::Client.new(redis: redis, secret: SECRET, logger: Logger.new(log), **options)
  end

  # messages are what is published on all channels of projects while the block runs.
  def messages(until_message: "end")
    heard = []
    ready = Queue.new
    listener = Thread.new do
      Redis.new(url: URL).psubscribe("nudge:*") do |on|
        on.psubscribe { ready << true }
        on.pmessage { |_, channel, message| message == until_message ? Thread.exit : heard << [channel, message] }
      end
    end
    ready.pop
    yield
    redis.publish("nudge:{end}", until_message)
    listener.join
    heard
  end

  # listening yields the URL of a server that answers nothing, or closes what it accepts.
  def listening(closes: false)
    server = TCPServer.new("127.0.0.1", 0)
    accepted = Queue.new # whose sockets stay open until somebody has taken them
    thread = Thread.new { loop { (socket = server.accept) && closes ? socket.close : accepted << socket } }
    yield "redis://:#{"pass" * 3}@127.0.0.1:#{server.addr[1]}", accepted
  ensure
    thread&.kill
    server&.close
  end
end
