# frozen_string_literal: true

require "digest/sha2"
require "openssl"

module Nudge
  # The validator (ETag) of a poll's answer: when it was given, which versions it has, and for whom, signed.
  module Validator
    PATTERN = /nudge1\.(\d{1,12})\.([A-Za-z0-9_-]{1,12000})\.([A-Za-z0-9_-]{22})/
    MOST = 64 # projects

    module_function

    # make returns the ETag, or nil if there are no versions or too many. identity are pairs of name and value.
    def make(secret, time, versions, path, identity)
      return if versions.empty? || versions.size > MOST
      text = Token.base64(versions.map { |project, version| "#{project}=#{version}" }.sort_by { |mark| mark.split("=").first.b }.join(","))
      return if text.length > 12_000
      "W/\"nudge1.#{time}.#{text}.#{mac(secret, time, text, path, identity)}\""
    end

    # read returns the ETag, time and versions ([[project, text], …]) of the first validator in a header If-None-Match that was
    # made for this path and identity; nil if there is none.
    def read(secret, header, path, identity)
      header.scan(PATTERN) do |time, text, mac|
        next unless OpenSSL.fixed_length_secure_compare(mac, mac(secret, time, text, path, identity))
        decoded = (text.tr("-_", "+/") + "=" * (-text.length % 4)).unpack1("m0")
        return ["W/\"nudge1.#{time}.#{text}.#{mac}\"", time.to_i, decoded.split(",").map { |mark| mark.split("=", 2) }]
      end
      nil
    end

    def mac(secret, time, versions, path, identity)
      names = identity.map { |name, value| "#{name}=#{value}\n".b }.join
      who = Token.base64(Digest::SHA256.digest(names))
      text = "nudge poll validator\n#{time}\n#{versions}\n".b + "#{path}\n#{who}".b
      Token.base64(OpenSSL::HMAC.digest("SHA256", secret, text))[0, 22]
    end
  end
end
