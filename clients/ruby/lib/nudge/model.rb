# frozen_string_literal: true

require "active_record"

module Nudge
  # For models of ActiveRecord whose changes belong to a project:
  #
  #   class Story < ApplicationRecord
  #     include Nudge::Model
  #     belongs_to :project
  #     nudge_project :project_id          # or a block that returns one id or several
  #   end
  #
  # Each transaction that changes stories raises the column `version` of their projects, once, just before it commits, and
  # publishes the numbers after the commit. What is rolled back, a savepoint too, announces nothing.
  module Model
    def self.included(model)
      model.extend(ClassMethods)
    end

    module ClassMethods
      # attribute: what holds the project's id. model: the class of projects, or its name; the default is that of the
      # association with this key, else Project. version: the column with the counter.
      def nudge_project(attribute = nil, model: nil, version: :version, &block)
        raise Invalid, "nudge_project: give an attribute such as :project_id, or a block" unless attribute || block
        changed = lambda do |record, before = nil|
          association = record.class.reflect_on_all_associations(:belongs_to).find { |a| a.foreign_key.to_s == attribute.to_s }
          itself = record.class if attribute.to_s == record.class.primary_key
          projects = model ? model.to_s.constantize : itself || association&.klass || ::Project
          ids = block ? Array(record.instance_exec(&block)) : [before, record[attribute]]
          ids.compact.uniq.each { |id| Announcement.of(record.class.connection).add(projects, id, version) }
        end
        after_save { changed.call(self, attribute && attribute_before_last_save(attribute)) if saved_changes? }
        after_touch { changed.call(self) }
        after_destroy { changed.call(self) }
      end
    end

    # The projects that one transaction changes. ActiveRecord treats it as one of the transaction's records: hands it on when a
    # savepoint ends well, and drops it when one is rolled back.
    class Announcement
      def self.of(connection)
        transaction = connection.current_transaction
        return new(connection) unless transaction.open?
        found = transaction.records&.find { |record| record.is_a?(self) && !record.raised? }
        found || new(connection).tap { |a| connection.add_transaction_record(a) }
      end

      attr_reader :projects # a set of [model, id, column]

      def initialize(connection)
        @connection = connection
        @projects = Set.new
      end

      def add(model, id, column)
        project = [model, id, column]
        raised = siblings.select(&:raised?)
        return if raised.any? { |other| other.projects.include?(project) }
        @projects << project
        if !@connection.transaction_open? # SQL without a transaction is committed already
          raise_versions
          committed!
        elsif raised.any? # the transaction is about to commit: this comes of a deferred touch
          raise_versions
        end
      end

      def raised?
        !@raised.nil?
      end

      # before_committed! raises the versions of all projects of the transaction: late, since it locks their rows, and in the
      # order of their ids, so that two transactions cannot deadlock.
      def before_committed!(*)
        return if raised?
        all = siblings.reject(&:raised?)
        @projects = all.map(&:projects).reduce(:|)
        all.each { |other| other.leave unless other.equal?(self) }
        raise_versions
      end

      def committed!(*)
        raise_versions unless raised? # added while the transaction committed
        list = @raised
        @raised = []
        Nudge.client.publish_many(list) unless list.empty?
      rescue StandardError => e # the change is committed: nothing may break the request
        ActiveRecord::Base.logger&.warn("nudge: #{Client::LOST}: #{e.message}")
      end

      def rolledback!(*)
        leave
      end

      def leave
        @projects = Set.new
        @raised = []
      end

      def trigger_transactional_callbacks?
        true
      end
      alias has_transactional_callbacks? trigger_transactional_callbacks?

      def add_to_transaction(*); end

      def destroyed?
        false
      end
      alias _new_record_before_last_commit destroyed?

      private

      # siblings are all announcements of the transaction. Savepoints that ended well leave theirs to it.
      def siblings
        transaction = @connection.current_transaction
        transaction.open? ? transaction.records.to_a.grep(Announcement) : []
      end

      def raise_versions
        @raised = []
        @projects.sort_by { |model, id, _| [model.name, id.is_a?(Integer) ? 0 : 1, id] }.each do |model, id, column|
          row = model.unscoped.where(model.primary_key => id)
          quoted = model.connection.quote_column_name(column)
          row.update_all("#{quoted} = COALESCE(#{quoted}, 0) + 1")
          version = row.pick(column)
          @raised << [id, version] if version
        end
        Outbox.add(@connection, @raised) if Outbox.enabled && !@raised.empty?
      end
    end
  end
end
