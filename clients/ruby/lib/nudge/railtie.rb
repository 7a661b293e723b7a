# frozen_string_literal: true

module Nudge
  # Makes Nudge.client of config.nudge, puts the middleware in front of all others, and adds rake nudge:relay.
  #
  #   config.nudge.redis     URL, Redis or ConnectionPool; default: NUDGE_REDIS_URL, else REDIS_URL
  #   config.nudge.secret    default: NUDGE_AUTH_SECRET
  #   config.nudge.identity  what decides who asks; default: the session's cookie, InRails::OTHERS
  #   config.nudge.middleware  false: polls always go to the application
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

    # InRails finds the session's cookie when Rails has decided on its name, which is after all initializers.
    class InRails < Middleware
      # Besides the session: cookies by which Rails' own generator for log-ins and Devise know a user without it, and headers by
      # which one path has several answers. Browsers send a validator with all of them.
      OTHERS = %w[cookie:session_id cookie:remember_user_token header:authorization
                  header:accept header:accept-language header:turbo-frame header:x-requested-with].freeze

      def initialize(app, identity: nil)
        config = Rails.application.config
        key = config.session_options[:key] if config.session_store
        encrypted = key && config.session_store.is_a?(Class) && config.session_store <= ActionDispatch::Session::CookieStore
        super(app, identity: identity || [*("cookie:#{key}" if key), *OTHERS],
                   read: encrypted ? { "cookie:#{key}" => ->(env, value) { content(env, key, value) } } : {})
      end

      private

      # content is what a session in a cookie holds. Rails encrypts it anew in each answer that has read it.
      def content(env, key, value)
        cookies = ActionDispatch::Cookies::CookieJar.build(ActionDispatch::Request.new(env), { key => Rack::Utils.unescape(value) })
        session = cookies.signed_or_encrypted[key]
        session && JSON.generate(session)
      end
    end

    def self.add_middleware(app, options)
      app.config.middleware.insert_before(0, InRails, identity: options.identity)
      app.config.middleware.use(Middleware::Inner) # below Rack::ETag
    end
  end
end
