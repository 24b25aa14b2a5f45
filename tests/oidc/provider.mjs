// A real OpenID provider for the tests: anybody logs in by name, and is in the group Students, or
// of the groups that stand behind ~ as JSON.
// Its one argument is JSON: {"port", "site", "secret", "kid", "sent"}; keys are made anew at each start.
// Whatever it sends to the site's back channel is written down in the file `sent`.
import { appendFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const { port, site, secret, kid, sent } = JSON.parse(process.argv[2]);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "timapp",
      client_secret: secret,
      redirect_uris: [`${site}/oidc/callback`],
      post_logout_redirect_uris: [`${site}/login`],
      backchannel_logout_uri: `${site}/oidc/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" }] },
  claims: { openid: ["sub", "sid"], profile: ["name", "preferred_username", "groups"], email: ["email"] },
  conformIdTokenClaims: false,
  cookies: { keys: [secret] },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: async () => ({
      sub: id,
      preferred_username: id.split(/[#~]/)[0],
      name: `${id} of the organisation`,
      email: `${id}@example.org`,
      groups: id.includes("~") ? JSON.parse(id.split("~")[1]) : ["Students"],
    }),
  }),
  // Whoever is logged in has agreed.
  loadExistingGrant: async (context) => {
    const { client, provider: here, session } = context.oidc;
    const grant = new here.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
  // It does not call addresses of this machine unless it is told to.
  fetch: (url, options) => {
    appendFileSync(sent, `${options.body}\n`);
    return globalThis.fetch(url, { ...options, dispatcher: undefined });
  },
});

provider.listen(port, "127.0.0.1", () => console.log("ready"));
