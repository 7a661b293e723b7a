# frozen_string_literal: true

module Nudge
  # A client for the tests of an application. It records what would be published, and never touches the network.
  #
  #   Nudge.client = Nudge::Testing.new
  #   … assert_equal [["42", 124]], Nudge.client.published
  class Testing < Client
    SECRET = "nudge-testing-nudge-testing-nudge"

    # failing = true: publish answers false and publish! raises, as if Redis was away.
    attr_accessor :failing

    def initialize(secret: SECRET, logger: Logger.new(nil), **options)
      super(redis: nil, secret: secret, logger: logger, **options)
      @lock = Mutex.new
      @news = []
    end

    # published is what was published so far: [project, version], the project as text.
    def published
      news.map { |n| [n.project, n.version] }
    end

    # messages are the messages that gateways would have got.
    def messages
      news.map(&:message)
    end

    def clear
      @lock.synchronize { @news.clear }
    end

    def stored(projects)
      raise Unavailable, "Nudge::Testing is told to fail" if failing
      latest = published.to_h
      projects.map { |project| latest[project]&.to_s }
    end

    private

    def connect(*); end

    def news
      @lock.synchronize { @news.dup }
    end

    def deliver(news)
      raise Unavailable, "Nudge::Testing is told to fail" if failing
      @lock.synchronize { @news.concat(news) }
      news.size
    end
  end
end
