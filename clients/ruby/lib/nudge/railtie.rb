# frozen_string_literal: true

module Nudge
  # Makes Nudge.client of config.nudge, puts the middleware in front of all others, and adds rake nudge:relay.
  #
  #   config.nudge.redis     URL, Redis or ConnectionPool; default: NUDGE_REDIS_URL, else REDIS_URL
  #   config.nudge.secret    default: NUDGE_AUTH_SECRET
  #   config.nudge.identity  default: the session's cookie and the header Authorization
  #   config.nudge.outbox    true: models write into the outbox too
  #   config.nudge.client    further options of Nudge::Client, such as { prefix: "nudge", slow: 300 }
  class Railtie < Rails::Railtie
    config.nudge = ActiveSupport::OrderedOptions.new

    # After the application's own initializers, so that these can set config.nudge; middleware is built later.
    initializer "nudge.client", after: :load_config_initializers do |app|
      options = app.config.nudge
      options.redis ||= ENV["NUDGE_REDIS_URL"] || ENV["REDIS_URL"]
      options.secret ||= ENV["NUDGE_AUTH_SECRET"]
      if options.redis
        Nudge.client = Client.new(redis: options.redis, secret: options.secret, logger: Rails.logger, **options.client.to_h)
      else
        Rails.logger&.warn("nudge: nothing is published: set config.nudge.redis or NUDGE_REDIS_URL")
      end
      Outbox.enabled = options.outbox
      Railtie.add_middleware(app, options) if options.redis && options.secret && options.middleware != false
    end

    rake_tasks { load File.join(__dir__, "tasks.rake") }

    def self.add_middleware(app, options)
      cookie = (app.config.session_options || {})[:key] || "_session_id"
      identity = options.identity || ["cookie:#{cookie}", "header:authorization"]
      app.config.middleware.insert_before(0, Middleware, identity: identity)
      app.config.middleware.use(Middleware::Inner) # below Rack::ETag
    end
  end
end
