# frozen_string_literal: true

require "json"

module Nudge
  # What is published of one project: its id, its version, and the message for gateways. Raises Invalid if a field breaks a rule.
  class News
    MAX_VERSION = (2**53) - 1
    MAX_DATA = 8 * 1024
    MAX_WRITER = 128
    TIMED = 10 # one version in so many carries the time, by which gateways measure how long news takes
    ID = /\A[A-Za-z0-9._~:-]{1,128}\z/

    attr_reader :project, :version, :message

    def initialize(project, version, prev: nil, writer: nil, data: nil, reset: false, traceparent: nil)
      @project = News.project(project)
      @version = News.version(version)
      @reset = reset ? true : false
      more = { prev: prev && News.version(prev, "prev"), writer: writer && News.writer(writer), data: data,
               reset: @reset || nil, traceparent: traceparent,
               sent_ms: ((Time.now.to_f * 1000).to_i if (@version % TIMED).zero?) }.compact
      check_data(data, prev) unless data.nil?
      @message = more.empty? ? @version.to_s : JSON.generate({ version: @version, **more })
    end

    # argv are the arguments of publish.lua.
    def argv(expire)
      [version.to_s, message, @reset ? "1" : "0", expire.to_s]
    end

    def self.project(id)
      text = id.is_a?(Integer) ? id.to_s : id
      return text.dup.freeze if text.is_a?(String) && ID.match?(text)
      raise Invalid, "project: #{short(id)} is no project; use an integer or 1 to 128 of A-Z a-z 0-9 . _ ~ : -, " \
                     "and write an id of other characters as hex or base64url"
    rescue Encoding::CompatibilityError, ArgumentError => e
      raise e.is_a?(Invalid) ? e : Invalid.new("project: its text is not valid; use A-Z a-z 0-9 . _ ~ : -")
    end

    def self.version(number, field = "version")
      return number if number.is_a?(Integer) && number.between?(0, MAX_VERSION)
      raise Invalid, "#{field}: #{short(number)} is not an integer from 0 to #{MAX_VERSION}; " \
                     "publish the counter of the project, not a time or a text"
    end

    def self.writer(text)
      return text if text.is_a?(String) && text.bytesize <= MAX_WRITER && text.dup.force_encoding("UTF-8").valid_encoding?
      raise Invalid, "writer: not a text of at most #{MAX_WRITER} bytes; use a short tag of the tab"
    end

    def self.short(value)
      text = value.inspect
      text.length > 80 ? "#{text[0, 80]}…" : text
    end

    private

    def check_data(data, prev)
      raise Invalid, "data: needs prev, the version that the change was made upon" if prev.nil?
      size = JSON.generate(data).bytesize
      raise Invalid, "data: #{size} bytes long, and #{MAX_DATA} are the most; leave it out, and pages poll" if size > MAX_DATA
    rescue JSON::JSONError, EncodingError => e
      raise Invalid, "data: cannot be written as JSON: #{e.class}; give hashes, arrays, numbers and texts in UTF-8"
    end
  end
end
