# frozen_string_literal: true

# Run by itself, since Rails changes how the library loads: ruby -I lib test/rails_app.rb
require "active_record/railtie"
require "action_controller/railtie"
require "rails/generators"
require "tmpdir"
require_relative "helper"

ENV["DATABASE_URL"] = "sqlite3::memory:"

ROOT = Dir.mktmpdir
Minitest.after_run { FileUtils.rm_rf(ROOT) }

class ShopApplication < Rails::Application
  config.eager_load = false
  config.root = ROOT
  config.logger = Logger.new(nil)
  config.secret_key_base = "only for this test"
  config.load_defaults Rails::VERSION::STRING.to_f
  config.hosts.clear
  config.nudge.redis = URL
  config.nudge.secret = SECRET
  config.nudge.client = { slow: 60 }
  config.nudge.outbox = true
end
ShopApplication.initialize!

class PollController < ActionController::Base
  skip_forgery_protection

  def changes
    Nudge.answered(response, 42 => 124)
    response.etag = "own" if params[:own]
    render plain: "for #{session[:user]}"
  end

  def login
    session[:user] = params[:user]
    head :ok
  end
end

ShopApplication.routes.draw do
  get "changes", to: "poll#changes"
  post "login", to: "poll#login"
end

class RailsTest < NudgeTest
  def setup
    super
    Nudge.client.publish(42, 124)
    @cookie = ""
  end

  def ask(path, method: "GET", etag: nil, **headers)
    env = Rack::MockRequest.env_for(path, method: method, "HTTP_COOKIE" => @cookie, **headers)
    env["HTTP_IF_NONE_MATCH"] = etag if etag
    status, headers, body = ShopApplication.call(env)
    headers = headers.to_h.transform_keys(&:downcase)
    @cookie = Array(headers["set-cookie"]).first.split(";").first if headers["set-cookie"]
    text = +""
    body.each { |part| text << part }
    body.close if body.respond_to?(:close)
    [status, headers["etag"], text]
  end

  def test_a_session_that_is_encrypted_anew
    ask("/login?user=ann", method: "POST")
    before = @cookie
    assert_match(/\A_shop_session=/, before)
    status, first, text = ask("/changes")
    assert_equal [200, "for ann"], [status, text]
    refute_equal before, @cookie, "Rails no longer encrypts anew: the library may do less"
    second = ask("/changes?tab=2")[1]
    assert_equal [304, 304], [ask("/changes", etag: first)[0], ask("/changes?tab=2", etag: second)[0]]
    ann = @cookie
    ask("/login?user=ben", method: "POST")
    assert_equal [200, "for ben"], ask("/changes", etag: first).values_at(0, 2)
    @cookie = ""
    assert_equal [200, "for "], ask("/changes", etag: first).values_at(0, 2)
    @cookie = "#{ann}x"
    assert_equal 200, ask("/changes", etag: first)[0]
    @cookie = "#{ann}; session_id=other"
    assert_equal 200, ask("/changes", etag: first)[0]
  end

  def test_an_etag_of_the_application_stays
    refute_match(/nudge1/, ask("/changes?own=1")[1])
    assert_match(/nudge1/, ask("/changes")[1])
  end

  def test_one_path_with_several_answers
    etag = ask("/changes", "HTTP_ACCEPT" => "application/json")[1]
    assert_equal 304, ask("/changes", etag: etag, "HTTP_ACCEPT" => "application/json")[0]
    %w[HTTP_ACCEPT HTTP_TURBO_FRAME HTTP_X_REQUESTED_WITH].each do |name|
      assert_equal 200, ask("/changes", etag: etag, "HTTP_ACCEPT" => "application/json", name => "text/html")[0], name
    end
  end

  def test_in_front_of_everything
    assert_equal [Nudge::Railtie::InRails, Nudge::Middleware::Inner], ShopApplication.middleware.map(&:klass).values_at(0, -1)
    assert_equal 60, Nudge.client.slow
    assert Nudge::Outbox.enabled
  end

  def test_outbox_migration_and_relay
    Rails::Generators.invoke("nudge:outbox", ["--quiet"], destination_root: ShopApplication.root)
    file = Dir[ShopApplication.root.join("db/migrate/*_create_nudge_outbox.rb")].first
    require file
    ActiveRecord::Migration.suppress_messages { CreateNudgeOutbox.new.migrate(:up) }
    ActiveRecord::Base.transaction { Nudge::Outbox.add(ActiveRecord::Base.connection, { 7 => 3 }) }
    ShopApplication.load_tasks
    assert Rake::Task.task_defined?("nudge:relay")
    assert_equal 1, Nudge::Relay.new.run_once
    assert_equal "3", redis.get("nudge:{7}")
  end
end
