# frozen_string_literal: true

# Does what clients/conformance asks for: one JSON object a line from standard input, one answer a line.
$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
require "active_record"
require "nudge"
require "puma"
require "rack"

$stdout.sync = true
LOG = StringIO.new
OPTIONS = { redis: ENV.fetch("REDIS_URL"), secret: ENV["NUDGE_SECRET"], logger: Logger.new(LOG) }.freeze
NUDGE = Nudge::Client.new(**OPTIONS)
VERSIONS = {} # what the application behind the middleware has
CALLS = Hash.new(0)

def more(request)
  %w[prev writer data reset traceparent].to_h { |name| [name.to_sym, request[name]] }.compact
end

def database
  @database ||= begin
    ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ENV.fetch("OUTBOX_DB"))
    connection = ActiveRecord::Base.connection
    connection.execute(Nudge::Outbox::SQL[:sqlite]) unless connection.table_exists?(Nudge::Outbox::TABLE)
    connection
  end
end

def forked # what the block returns in a child
  reader, writer = IO.pipe
  pid = fork do
    writer.write(JSON.generate(yield))
    writer.close
    exit!(0)
  end
  writer.close
  JSON.parse(reader.read)
ensure
  Process.wait(pid) if pid
end

def serve
  application = lambda do |env|
    project = env["PATH_INFO"][%r{\A/projects/([^/]+)/changes\z}, 1] or next [404, { "content-type" => "text/plain" }, []]
    headers = { "content-type" => "application/json" }
    login = Rack::Utils.parse_query(env["QUERY_STRING"])["login"]
    headers["set-cookie"] = "sid=#{login}; path=/" if login
    version = VERSIONS.fetch(project, 0)
    Nudge.answered(headers, project => version)
    [200, headers, [JSON.generate("version" => version, "calls" => CALLS[project] += 1)]]
  end
  server = Puma::Server.new(Nudge::Middleware.new(application, client: NUDGE, identity: ["cookie:sid"]), Puma::Events.null)
  server.add_tcp_listener("127.0.0.1", 0)
  server.run
  server.connected_ports.first
end

def answer(request)
  project, version = request.values_at("project", "version")
  case request["do"]
  when "publish" then { announced: NUDGE.publish(project, version, **more(request)) }
  when "publish_or_raise" then { announced: NUDGE.publish!(project, version, **more(request)) }
  when "publish_many" then { announced: NUDGE.publish_many(request["news"]) }
  when "token"
    { token: NUDGE.token_for(request["user"], request["projects"], ttl: request.fetch("ttl", 3600),
                             publish: request.fetch("publish", []), claims: request.fetch("claims", {})) }
  when "fork_publish" then { announced: forked { NUDGE.publish(project, version) } }
  when "threads"
    list = Queue.new
    request["from"].upto(request["to"]) { |v| list << v }
    list.close
    counts = Array.new(request["threads"]) { Thread.new { n = 0; while (v = list.pop) do NUDGE.publish(project, v) && n += 1 end; n } }
    { announced: counts.sum(&:value) }
  when "validator"
    { etag: Nudge::Validator.make(NUDGE.secret, request["time"], request["versions"], request["path"], request["identity"].to_a) }
  when "outbox_add"
    database.transaction do
      Nudge::Outbox.add(database, request["rows"])
      raise ActiveRecord::Rollback if request["rollback"]
    end
    {}
  when "relay_once" then database && { rows: Nudge::Relay.new(client: NUDGE).run_once }
  when "serve" then { url: "http://127.0.0.1:#{serve}" }
  when "set_version" then VERSIONS[project.to_s] = version and {}
  when "logged" then { lines: LOG.string.lines(chomp: true) }
  else { unsupported: true }
  end
rescue Nudge::Error, ArgumentError => e
  { error: e.message }
end

while (line = $stdin.gets)
  puts JSON.generate(answer(JSON.parse(line)))
end
