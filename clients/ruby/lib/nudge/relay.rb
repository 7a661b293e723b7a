# frozen_string_literal: true

require "active_record"
require "io/wait"

module Nudge
  # Publishes the rows of the outbox and deletes them. Any number of relays may run.
  class Relay
    BATCH = 100
    IDLE = 1 # seconds between two looks at an empty table
    LONGEST = 30 # seconds to wait after failures

    # model: the class of ActiveRecord whose database has the table.
    def initialize(client: Nudge.client, model: ActiveRecord::Base)
      @client = client
      @model = model
      @wake, @waker = IO.pipe
    end

    # run_once publishes up to 100 rows, and returns how many. If Redis fails, it raises Unavailable and the rows stay.
    def run_once
      @model.connection_pool.with_connection do |connection|
        connection.transaction(requires_new: true) do
          rows = connection.select_rows("SELECT id, project, version FROM #{Outbox::TABLE} ORDER BY id LIMIT #{BATCH}#{lock(connection)}")
          publish(rows)
          connection.execute("DELETE FROM #{Outbox::TABLE} WHERE id IN (#{rows.map { |id, *| Integer(id) }.join(", ")})") unless rows.empty?
          rows.size
        end
      end
    end

    # run publishes until stop is called.
    def run
      pause = 0
      until @stopped
        begin
          pause = run_once < BATCH ? IDLE : 0
          failing = false
        rescue StandardError => e
          @client.logger.warn("nudge: the relay failed and tries again: #{e.message}") unless failing
          pause = failing ? [pause * 2, LONGEST].min : 1
          failing = true
        end
        @wake.wait_readable(pause)
      end
    end

    # stop makes run return. It may be called in a trap.
    def stop
      @stopped = true
      @waker.write_nonblock(".")
    end

    private

    def publish(rows)
      highest = Hash.new(-1)
      rows.each do |id, project, version|
        News.new(project, Integer(version))
        highest[project] = [highest[project], Integer(version)].max
      rescue ArgumentError => e # a row that can never be published must not hold up the others
        @client.logger.warn("nudge: row #{id} of #{Outbox::TABLE} is dropped: #{e.message}")
      end
      @client.publish_many!(highest.to_a)
    end

    # lock keeps relays from waiting for each other, where the database can.
    def lock(connection)
      connection.adapter_name.match?(/postg|mysql|trilogy/i) ? " FOR UPDATE SKIP LOCKED" : ""
    end
  end
end
