# frozen_string_literal: true

require_relative "nudge" # Bundler requires a gem by its name
