# frozen_string_literal: true

require "json"
require "openssl"

module Nudge
  # Secrets and the tokens that are signed with them: JWT with HS256.
  module Token
    SHORTEST = 32
    LONGEST_LIFE = 366 * 24 * 3600
    OWN = %w[sub subscribe publish iat exp iss aud].freeze

    module_function

    # secret returns the bytes of a secret as the gateway reads auth.secret: the text, or what follows base64:, decoded.
    def secret(text)
      raise Invalid, "secret: not a text; give the gateway's auth.secret" unless text.is_a?(String)
      bytes = text.b
      if bytes.start_with?("base64:")
        encoded = bytes.delete_prefix("base64:").tr("-_", "+/").sub(/=+\z/, "")
        bytes = (encoded + "=" * (-encoded.length % 4)).unpack1("m0")
      elsif bytes.match?(/\A\s|\s\z/n)
        raise Invalid, "secret: white space or a line break around it; remove it, since the gateway signs without it"
      end
      return bytes if bytes.bytesize >= SHORTEST
      raise Invalid, "secret: #{bytes.bytesize} bytes long, and #{SHORTEST} are the least; make one with openssl rand -hex 32"
    rescue ArgumentError => e
      raise e if e.is_a?(Invalid)
      raise Invalid, "secret: not base64 after base64:; write what openssl rand -base64 32 prints"
    end

    def sign(secret, user, projects, ttl:, publish:, claims:, issuer:, audience:)
      raise Invalid, "ttl: #{ttl.inspect}; give seconds from 1 to #{LONGEST_LIFE}" unless ttl.respond_to?(:to_i) && ttl.to_i.between?(1, LONGEST_LIFE)
      more = claims.to_h.transform_keys(&:to_s)
      taken = more.keys & OWN
      raise Invalid, "claims: #{taken.first} is set by token_for itself; leave it out" unless taken.empty?
      now = Time.now.to_i
      all = { "sub" => subject(user), "subscribe" => patterns("projects", projects) }
      all["publish"] = patterns("publish", publish) unless Array(publish).empty?
      all.merge!("iat" => now, "exp" => now + ttl.to_i)
      all["iss"] = issuer if issuer
      all["aud"] = audience if audience
      input = [{ "alg" => "HS256", "typ" => "JWT" }, all.merge(more)].map { |part| base64(JSON.generate(part)) }.join(".")
      "#{input}.#{base64(OpenSSL::HMAC.digest("SHA256", secret, input))}"
    end

    def subject(user)
      text = user.is_a?(Integer) ? user.to_s : user
      return text if text.is_a?(String) && !text.empty?
      raise Invalid, "user: #{News.short(user)}; give the user's id, an integer or a text that is not empty"
    end

    # patterns are ids of projects, or the beginning of ids with * after it.
    def patterns(field, list)
      raise Invalid, "#{field}: #{list.class}; give a list of ids and patterns such as team-*" unless list.respond_to?(:to_ary) || list.is_a?(Set)
      list.map do |entry|
        text = entry.is_a?(Integer) ? entry.to_s : entry
        next text if text == "*"
        raise Invalid, "#{field}: #{News.short(entry)} is no id of a project" unless text.is_a?(String)
        News.project(text.delete_suffix("*"))
        text
      end
    end

    def base64(bytes)
      [bytes].pack("m0").tr("+/", "-_").delete("=")
    end
  end
end
