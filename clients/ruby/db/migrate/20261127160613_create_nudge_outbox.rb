class CreateNudgeOutbox < ActiveRecord::Migration[6.1]
  def change
    create_table :nudge_outbox do |t|
      t.string :project, limit: 128, null: false
      t.bigint :version, null: false
      t.datetime :created_at, null: false, default: -> { "CURRENT_TIMESTAMP" }
    end
  end
end
