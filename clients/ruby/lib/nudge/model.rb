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
        models = Hash.new do |found, owner|
          association = owner.reflect_on_all_associations(:belongs_to).find { |a| a.foreign_key.to_s == attribute.to_s }
          itself = owner if attribute.to_s == owner.primary_key
          found[owner] = model ? model.to_s.constantize : itself || association&.klass || ::Project
        end
        changed = lambda do |record, before = nil, now: false|
          ids = block ? Array(record.instance_exec(&block)) : [before, record[attribute]]
          ids.compact.uniq.each { |id| Announcement.of(record.class.connection).add(models[record.class], id, version, now: now) }
        end
        after_save { changed.call(self, attribute && attribute_before_last_save(attribute)) if saved_changes? }
        after_touch { changed.call(self, now: true) } # Rails defers touches of belongs_to until it commits
        after_destroy { changed.call(self) }
      end
    end

    # The projects that one transaction changes. ActiveRecord treats it as one of the transaction's records: hands it on when a
    # savepoint ends well, and drops it when one is rolled back.
    class Announcement
      OF = ObjectSpace::WeakMap.new # by transaction
      private_constant :OF

      def self.of(connection)
        transaction = connection.current_transaction
        return new(connection) unless transaction.open?
        OF[transaction] ||= new(connection).tap { |announcement| connection.add_transaction_record(announcement) }
      end

      attr_reader :changed, :raised

      def initialize(connection)
        @connection = connection
        @changed = Set.new # [model, id, column], to be raised
        @raised = {} # versions by the same
      end

      # add is told of a change. now: raises the version at once, since Rails may have begun to commit.
      def add(model, id, column, now: false)
        @changed << [model, id, column]
        open = @connection.transaction_open?
        raise_versions if now || !open
        committed! unless open # SQL without a transaction is committed already
      end

      # before_committed! raises the versions of all projects of the transaction: late, since it locks their rows, and in the
      # order of their ids, so that two transactions cannot deadlock. It takes those of savepoints, which have ended well.
      def before_committed!(*)
        transaction = @connection.current_transaction
        transaction.records.grep(Announcement).each { |other| take(other) unless other.equal?(self) }
        OF[transaction] = self # for what callbacks of the commit change
        raise_versions
      end

      def committed!(*)
        raise_versions # a callback of the commit was the first to change something
        news = @raised.filter_map { |(_, id, _), version| [id, version] if version }
        @raised = {}
        Nudge.client.publish_many(news) unless news.empty?
      rescue StandardError => e # the change is committed: nothing may break the request
        ActiveRecord::Base.logger&.warn("nudge: #{Client::LOST}: #{e.message}")
      end

      def rolledback!(*); end # the database has undone what it raised

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

      def take(other)
        @changed.merge(other.changed)
        @raised.merge!(other.raised) { |_, *versions| versions.compact.max }
        other.changed.clear
        other.raised.clear
      end

      def raise_versions
        rows = @changed.reject { |project| @raised.key?(project) }
        @changed = Set.new
        news = rows.sort_by { |model, id, _| [model.name, id.is_a?(Integer) ? 0 : 1, id] }.filter_map do |model, id, column|
          row = model.unscoped.where(model.primary_key => id)
          quoted = model.connection.quote_column_name(column)
          row.update_all("#{quoted} = COALESCE(#{quoted}, 0) + 1")
          version = row.pick(column) # nil: the project is deleted
          @raised[[model, id, column]] = version
          [id, version] if version
        end
        Outbox.add(@connection, news) if Outbox.enabled
      end
    end
  end
end
