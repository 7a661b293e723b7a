# frozen_string_literal: true

require_relative "helper"

class TokenTest < NudgeTest
  def claims(token)
    JSON.parse(token.split(".")[1].tr("-_", "+/").unpack1("m"))
  end

  def test_claims
    now = Time.now.to_i
    Time.stub(:now, Time.at(now)) do
      assert_equal({ "sub" => "7", "subscribe" => ["42", "team-*", "*"], "iat" => now, "exp" => now + 60, "aud" => "nudge" },
                   claims(client.token_for(7, [42, "team-*", "*"], ttl: 60)))
      got = claims(client(audience: "app", issuer: "me").token_for("ann", [], publish: ["42"], claims: { jti: "x" }))
      assert_equal({ "sub" => "ann", "subscribe" => [], "publish" => ["42"], "iat" => now, "exp" => now + 3600, "iss" => "me", "aud" => "app", "jti" => "x" }, got)
      refute claims(client(audience: nil).token_for("ann", [1])).key?("aud")
    end
  end

  def test_signature
    token = client.token_for(7, [1])
    input, _, signature = token.rpartition(".")
    assert_equal OpenSSL::HMAC.digest("SHA256", SECRET, input), signature.tr("-_", "+/").unpack1("m")
    assert_equal '{"alg":"HS256","typ":"JWT"}', token.split(".")[0].unpack1("m")
    bytes = (0..31).map { |i| i * 8 }.pack("C*")
    ["base64:#{[bytes].pack("m0")}", "base64:#{[bytes].pack("m0").tr("+/", "-_").delete("=")}", bytes].each do |secret|
      assert_equal bytes, Nudge::Token.secret(secret)
    end
  end

  def test_refused
    nudge = client
    [[nil, [1]], ["", [1]], [1.5, [1]], [1, nil], [1, "42"], [1, ["a b"]], [1, ["a*b"]], [1, [nil]]].each do |user, projects|
      assert_raises(Nudge::Invalid, [user, projects].inspect) { nudge.token_for(user, projects) }
    end
    [{ ttl: 0 }, { ttl: nil }, { ttl: 10**9 }, { claims: { "exp" => 1 } }, { publish: ["/"] }].each do |more|
      assert_raises(Nudge::Invalid, more.inspect) { nudge.token_for(1, [1], **more) }
    end
    error = assert_raises(Nudge::Invalid) { Nudge::Client.new(redis: URL).token_for(1, [1]) }
    assert_match(/secret: not set/, error.message)
  end
end
