# frozen_string_literal: true

module Nudge
  class Error < StandardError; end

  # Redis could not be asked, or refused. Its message holds no password.
  class Unavailable < Error; end

  # A project, a version or something else to publish breaks a rule of the protocol. The message names field and fix.
  class Invalid < ArgumentError; end
end
