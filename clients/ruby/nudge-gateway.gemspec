# frozen_string_literal: true

require_relative "lib/nudge/version"

Gem::Specification.new do |s|
  s.name = "nudge-gateway"
  s.version = Nudge::VERSION
  s.summary = "Tells pages that poll when there is news"
  s.description = "Publishes versions of projects to Nudge gateways after the commit, signs their tokens, and answers polls " \
                  "that have nothing new before the application is called. For Rails and every Rack application."
  s.authors = ["The Nudge authors"]
  s.license = "MIT"
  s.required_ruby_version = ">= 3.0"
  s.files = Dir["lib/**/*", "sig/**/*", "README.md"].select { |f| File.file?(f) }
  s.add_runtime_dependency "redis", ">= 4.5", "< 6"
  s.metadata = { "rubygems_mfa_required" => "true" }
end
