# frozen_string_literal: true

module Nudge
  # A table of news that is committed together with the change, for who cannot lose a hint. Relay publishes its rows.
  module Outbox
    TABLE = "nudge_outbox"

    # SQL that makes the table. The Rails generator nudge:outbox makes a migration instead.
    SQL = {
      postgresql: "CREATE TABLE nudge_outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project varchar(128) NOT NULL, " \
                  "version bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now())",
      mysql: "CREATE TABLE nudge_outbox (id bigint AUTO_INCREMENT PRIMARY KEY, project varchar(128) NOT NULL, " \
             "version bigint NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)",
      sqlite: "CREATE TABLE nudge_outbox (id integer PRIMARY KEY AUTOINCREMENT, project varchar(128) NOT NULL, " \
              "version bigint NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)"
    }.freeze

    class << self
      # enabled: Model also writes what it publishes into the outbox.
      attr_accessor :enabled

      # add writes [[project, version], …] in the transaction that is open on the connection, one of ActiveRecord.
      def add(connection, list)
        rows = list.map do |project, version|
          "(#{connection.quote(News.project(project))}, #{News.version(version)})"
        end
        connection.execute("INSERT INTO #{TABLE} (project, version) VALUES #{rows.join(", ")}") unless rows.empty?
      end
    end
  end
end
