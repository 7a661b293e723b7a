# frozen_string_literal: true

module Nudge
  VERSION = "0.1.0"
end
