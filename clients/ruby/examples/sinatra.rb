# Stories of projects, without ActiveRecord: REDIS_URL=… NUDGE_AUTH_SECRET=… ruby -I lib examples/sinatra.rb
require "sinatra/base"
require "sqlite3"
require "puma"
require "nudge"

NUDGE = Nudge::Client.new(redis: ENV.fetch("REDIS_URL"), secret: ENV.fetch("NUDGE_AUTH_SECRET"))

DB = SQLite3::Database.new(":memory:")
DB.execute_batch <<~SQL
  CREATE TABLE projects (id integer PRIMARY KEY, version bigint NOT NULL DEFAULT 0);
  CREATE TABLE stories (project_id integer, title text);
  INSERT INTO projects (id) VALUES (1);
SQL
LOCK = Mutex.new # one connection for all threads

class Stories < Sinatra::Base
  SECRET = SecureRandom.hex(32)
  set sessions: true, session_secret: SECRET
  disable :show_exceptions, :raise_errors, :dump_errors

  get "/projects/:id/changes" do |id| # the poll
    version, titles = LOCK.synchronize do # the version first, then the rows
      [DB.get_first_value("SELECT version FROM projects WHERE id = ?", id),
       DB.execute("SELECT title FROM stories WHERE project_id = ?", id).flatten]
    end
    Nudge.answered(response, id => version)
    content_type :json
    JSON.generate(version: version, stories: titles)
  end

  post "/projects/:id/stories" do |id|
    version = nil
    LOCK.synchronize do
      DB.transaction do
        DB.execute("INSERT INTO stories VALUES (?, ?)", [id, params[:title]])
        DB.execute("UPDATE projects SET version = version + 1 WHERE id = ?", id)
        raise ArgumentError, "rolled back" if params[:title] == "rolled back"
        version = DB.get_first_value("SELECT version FROM projects WHERE id = ?", id)
      end
    end
    NUDGE.publish(id, version) # after the commit; never raises
    201
  end

  error(ArgumentError) { 422 }
  get("/nudge-token") { NUDGE.token_for("ann", [1]) }
end

# In config.ru: use Nudge::Middleware, …; run Stories. Not within the class: there it would stand behind the session.
# Sinatra encrypts the session anew in each answer. Its content tells who asks, so that other requests end no validator.
content = ->(_, cookie) { Rack::Protection::Encryptor.decrypt_message(Rack::Utils.unescape(cookie), [Stories::SECRET].pack("H*")) }
app = Nudge::Middleware.new(Stories, client: NUDGE, identity: ["cookie:rack.session", "header:authorization", "header:accept"],
                                     read: { "cookie:rack.session" => content })
server = Puma::Server.new(app)
server.add_tcp_listener("127.0.0.1", Integer(ENV.fetch("PORT", "0")))
warn "http://127.0.0.1:#{server.connected_ports.first}"
server.run.join
