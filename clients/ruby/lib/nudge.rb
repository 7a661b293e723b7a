# frozen_string_literal: true

require "set"
require_relative "nudge/version"
require_relative "nudge/errors"
require_relative "nudge/connections"
require_relative "nudge/news"
require_relative "nudge/token"
require_relative "nudge/client"
require_relative "nudge/validator"
require_relative "nudge/middleware"

# Tells Nudge gateways of changes, so that pages poll when there is news. See README.md.
module Nudge
  HEADER = "x-nudge-version"

  autoload :Model, "#{__dir__}/nudge/model"
  autoload :Outbox, "#{__dir__}/nudge/outbox"
  autoload :Relay, "#{__dir__}/nudge/relay"
  autoload :Testing, "#{__dir__}/nudge/testing"

  class << self
    # client is the one that Model, Middleware and Relay use if they are given none. Rails makes it of config.nudge.
    attr_writer :client

    def client
      @client or raise Invalid, "Nudge.client is not set; write Nudge.client = Nudge::Client.new(redis: …), or set config.nudge.redis in Rails"
    end

    # answered says which versions an answer has: Nudge.answered(response, 42 => 124). response: one of Rails, Sinatra or Rack,
    # or a hash of headers.
    def answered(response, versions)
      headers = response.respond_to?(:headers) ? response.headers : response
      marks = versions.map { |project, version| "#{News.project(project)}=#{News.version(version)}" }
      headers[HEADER] = [headers[HEADER], *marks].compact.join(", ")
    end

    # changed says that a project of this model changed, in the transaction that changes it: raises its version and publishes
    # it after the commit. For what runs no callbacks: update_all, insert_all, SQL. See Model.
    def changed(model, id, version: :version)
      Model::Announcement.of(model.connection).add(model, id, version)
    end
  end
end

require_relative "nudge/railtie" if defined?(Rails::Railtie)
