# Stories of projects, which pages poll: the application in Rails that rails.md takes from polling to push.
require "action_controller/railtie"
require "active_record/railtie"
require "puma"

ENV["DATABASE_URL"] ||= "sqlite3:app.sqlite"
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
  belongs_to :project
  after_save { project.increment!(:version) }
end

class StoriesController < ActionController::Base
  rescue_from(ArgumentError) { head :unprocessable_entity }

  def index # polled
    project = Project.find(params[:id])
    render json: { version: project.version, stories: project.stories.pluck(:title) }
  end

  def newest # polled
    project = Project.find(params[:id])
    response.headers["Cache-Control"] = "no-store"
    render json: { version: project.version, newest: project.stories.order(:id).last&.title }
  end

  def create
    Story.transaction do
      Story.create!(project_id: params[:id], title: params[:title])
      raise ArgumentError if params[:title] == "refused"
    end
    head :created
  end
end

Application.routes.draw do
  get "projects/:id/stories", to: "stories#index"
  get "projects/:id/newest", to: "stories#newest"
  post "projects/:id/stories", to: "stories#create"
end
8.times { Project.create! }
server = Puma::Server.new(Application)
server.add_tcp_listener("127.0.0.1", Integer(ENV.fetch("PORT", "3000")))
warn "http://127.0.0.1:#{server.connected_ports.first}"
server.run.join
