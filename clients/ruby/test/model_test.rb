# frozen_string_literal: true

require_relative "helper"
require "active_record"

ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: ":memory:", pool: 1)
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:projects) { |t| t.bigint :version }
  create_table(:stories) { |t| t.bigint :project_id; t.string :title; t.timestamps }
  create_table(:comments) { |t| t.bigint :story_id }
  create_table(:notes) { |t| t.bigint :story_id }
end
ActiveRecord::Base.connection.execute(Nudge::Outbox::SQL[:sqlite])

class Project < ActiveRecord::Base; end

class Story < ActiveRecord::Base
  include Nudge::Model
  belongs_to :project
  nudge_project :project_id
end

class Comment < ActiveRecord::Base
  belongs_to :story, touch: true
end

class Late < ActiveRecord::Base
  self.table_name = "comments"
  before_commit { Nudge.changed(Project, story_id) }
end

class Note < ActiveRecord::Base
  include Nudge::Model
  belongs_to :story
  nudge_project { story.project_id }
end

class ModelTest < NudgeTest
  def setup
    [Project, Story, Note].each(&:delete_all)
    @a, @b = Project.create!, Project.create!
    Nudge.client = @nudge = Nudge::Testing.new
  end

  def teardown
    Nudge.client = nil
    Nudge::Outbox.enabled = nil
  end

  def sql
    statements = []
    seen = ActiveSupport::Notifications.subscribe("sql.active_record") { |*, event| statements << event[:sql] }
    yield
    statements
  ensure
    ActiveSupport::Notifications.unsubscribe(seen)
  end

  def announced
    list = @nudge.published
    @nudge.clear
    list
  end

  def test_each_change
    story = Story.create!(project: @a)
    assert_equal [[@a.id.to_s, 1]], announced
    story.update!(title: "x")
    assert_equal [[@a.id.to_s, 2]], announced
    story.save!
    assert_empty announced, "nothing changed"
    Note.create!(story: story)
    assert_equal [[@a.id.to_s, 3]], announced
    story.update!(project: @b)
    assert_equal [[@a.id.to_s, 4], [@b.id.to_s, 1]], announced, "both see that it moved"
    story.destroy!
    assert_equal [[@b.id.to_s, 2]], announced
    assert_equal [4, 2], [@a, @b].map { |p| p.reload.version }
  end

  def test_once_for_each_transaction_and_after_the_commit
    Project.transaction do
      Story.create!(project: @b)
      3.times { Story.create!(project: @a) }
      Project.transaction(requires_new: true) { Story.create!(project: @b) }
      assert_empty announced, "before the commit"
    end
    assert_equal [[@a.id.to_s, 1], [@b.id.to_s, 1]], announced
  end

  def test_roll_backs_are_not_announced
    Project.transaction do
      Story.create!(project: @a)
      raise ActiveRecord::Rollback
    end
    assert_empty announced
    assert_equal 0, Story.count
    Project.transaction do
      Story.create!(project: @a)
      Project.transaction(requires_new: true) do
        Story.create!(project: @b)
        Project.transaction(requires_new: true) { Story.create!(project: @b) }
        raise ActiveRecord::Rollback
      end
    end
    assert_equal [[@a.id.to_s, 1]], announced
    assert_nil @b.reload.version
    Project.transaction do # the same project within and without the savepoint
      Project.transaction(requires_new: true) { Story.create!(project: @b) && raise(ActiveRecord::Rollback) }
      Story.create!(project: @b)
    end
    assert_equal [[@b.id.to_s, 1]], announced
  end

  def test_as_tests_with_transactions_see_it
    connection = ActiveRecord::Base.connection
    connection.begin_transaction(joinable: false)
    Story.create!(project: @a)
    assert_equal [[@a.id.to_s, 1]], announced
  ensure
    connection.rollback_transaction
  end

  def test_touches_which_rails_defers_to_the_commit
    a, b = [@a, @b].map { |project| Story.create!(project: project) }
    announced
    statements = sql { Comment.create!(story: a) }
    assert_equal [[@a.id.to_s, 2]], announced
    assert_operator statements.index { |s| s.include?('UPDATE "projects"') }, :<, statements.index("commit transaction")
    Project.transaction do
      a.update!(title: "x")
      Comment.create!(story: a)
      Comment.create!(story: b)
    end
    assert_equal [[@a.id.to_s, 3], [@b.id.to_s, 2]], announced
  end

  def test_what_callbacks_of_the_commit_change
    Late.create!(story_id: @a.id)
    assert_equal [[@a.id.to_s, 1]], announced
    Project.transaction do
      Project.transaction(requires_new: true) { Story.create!(project: @b) }
      Late.create!(story_id: @a.id)
      Late.create!(story_id: @b.id)
    end
    assert_equal({ @a.id.to_s => 2, @b.id.to_s => 1 }, announced.to_h)
  end

  def test_changed_by_hand
    Project.transaction do
      Story.where(project: @a).update_all(title: "x")
      Nudge.changed(Project, @a.id)
      Nudge.changed(Project, 10**6) # is gone
    end
    assert_equal [[@a.id.to_s, 1]], announced
    Nudge.changed(Project, @a.id)
    assert_equal [[@a.id.to_s, 2]], announced
  end

  def test_a_committed_request_does_not_fail
    @nudge.failing = true
    Story.create!(project: @a)
    Nudge.client = nil
    Story.create!(project: @a)
    assert_equal 2, @a.reload.version
  end

  def test_outbox
    Nudge::Outbox.enabled = true
    Story.create!(project: @a)
    Project.transaction do
      Story.create!(project: @b)
      raise ActiveRecord::Rollback
    end
    Nudge::Outbox.add(ActiveRecord::Base.connection, [["x", 7], ["x", 9], ["x", 8]])
    ActiveRecord::Base.connection.execute("INSERT INTO nudge_outbox (project, version) VALUES ('a b', 1)")
    announced
    relay = Nudge::Relay.new(client: @nudge)
    @nudge.failing = true
    assert_raises(Nudge::Unavailable) { relay.run_once }
    @nudge.failing = false
    assert_equal 5, relay.run_once
    assert_equal [[@a.id.to_s, 1], ["x", 9]], announced
    assert_equal 0, relay.run_once
    assert_raises(Nudge::Invalid) { Nudge::Outbox.add(ActiveRecord::Base.connection, [["a b", 1]]) }
  end

  def test_relay_runs_until_it_is_stopped
    @nudge = Nudge::Testing.new(logger: Logger.new(log))
    relay = Nudge::Relay.new(client: @nudge)
    Nudge::Outbox.add(ActiveRecord::Base.connection, Array.new(150) { |i| ["p", i] })
    tries = 0
    relay.define_singleton_method(:run_once) do
      tries += 1
      raise Nudge::Unavailable, "away" if tries < 4
      super().tap { |rows| stop if rows < 100 }
    end
    pauses = []
    relay.instance_variable_get(:@wake).define_singleton_method(:wait_readable) { |pause| pauses << pause }
    relay.run
    assert_equal [1, 2, 4, 0, 1], pauses
    assert_equal [["p", 99], ["p", 149]], announced
    assert_equal 1, log.string.scan("the relay failed").size
  end
end
