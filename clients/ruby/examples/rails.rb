# Stories of projects, in one file: REDIS_URL=… NUDGE_AUTH_SECRET=… ruby -I lib examples/rails.rb
require "action_controller/railtie"
require "active_record/railtie"
require "nudge" # after rails. The two variables are the defaults of config.nudge.redis and config.nudge.secret
require "puma"

ENV["DATABASE_URL"] ||= "sqlite3:example.sqlite3"
class Application < Rails::Application
  config.eager_load = false
  config.logger = Logger.new($stderr)
  config.log_level = :warn
  config.secret_key_base = "only for this example"
end
Application.initialize!

ActiveRecord::Schema.define do
  create_table(:projects, force: true) { |t| t.bigint :version, null: false, default: 0 }
  create_table(:stories, force: true) { |t| t.belongs_to(:project) && t.string(:title) }
end

class Project < ActiveRecord::Base
  has_many :stories
end

class Story < ActiveRecord::Base
  include Nudge::Model
  belongs_to :project
  nudge_project :project_id # raises projects.version in the transaction, and publishes it after the commit
end

class ProjectsController < ActionController::Base
  rescue_from(ArgumentError) { head :unprocessable_entity }
  def changes # the poll
    project = Project.find(params[:id]) # the version first, then the rows
    Nudge.answered(response, project.id => project.version)
    render json: { version: project.version, stories: project.stories.pluck(:title) }
  end

  def create
    Project.transaction do
      Story.create!(project_id: params[:id], title: params[:title])
      raise ArgumentError, "rolled back" if params[:title] == "rolled back"
    end
    head :created
  end

  def token = render(plain: Nudge.client.token_for("ann", [1]))
end

Application.routes.draw do
  get "projects/:id/changes", to: "projects#changes"
  post "projects/:id/stories", to: "projects#create"
  get "nudge-token", to: "projects#token"
end
Project.create!
server = Puma::Server.new(Application)
server.add_tcp_listener("127.0.0.1", Integer(ENV.fetch("PORT", "0")))
warn "http://127.0.0.1:#{server.connected_ports.first}"
server.run.join
