# frozen_string_literal: true

require "rails/generators/active_record"

module Nudge
  module Generators
    # bin/rails generate nudge:outbox
    class OutboxGenerator < Rails::Generators::Base
      include ActiveRecord::Generators::Migration
      source_root File.expand_path("templates", __dir__)

      def create_migration_file
        migration_template "migration.rb.tt", File.join(db_migrate_path, "create_nudge_outbox.rb")
      end
    end
  end
end
