# frozen_string_literal: true

namespace :nudge do
  desc "Publish what is in the outbox, until a signal comes"
  task relay: :environment do
    relay = Nudge::Relay.new
    %w[INT TERM].each { |signal| trap(signal) { relay.stop } }
    relay.run
  end
end
