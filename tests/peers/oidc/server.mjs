// An OpenID provider for tests: a real one (oidc-provider), with one client and any account one names.
//
// It keeps everything in memory, takes two free ports of loopback, and writes an issuer for each on a line of stdout once it
// answers: by HTTP, and by HTTPS with the key and the certificate of the files that it is given. Whoever signs in is who they say: the login is the subject, and no password is looked at. See README.md for
// the fields.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Provider } from 'oidc-provider';

const CALLBACK = '/sign-in/oidc/callback';
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);
// A configured provider warns of what is unfit for production, which nothing here is fit for.
console.warn = () => {};
console.info = () => {};

const accounts = new Map(); // login -> the claims of its last sign-in

function claimsOf(login) {
  return { sub: login, name: login, preferred_username: login, ...accounts.get(login) };
}

function configuration(issuer) {
  return {
    clients: [
      {
        client_id: 'sogoc-test',
        client_secret: 'sogoc-test-secret',
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code'],
        response_types: ['code'],
        // The ports and the scheme are whatever the request has: redirectUriAllowed, below.
        redirect_uris: [`${issuer}${CALLBACK}`],
      },
    ],
    pkce: { required: () => true },
    responseTypes: ['code'],
    scopes: ['openid', 'profile'],
    // How and when one signed in is told unasked, as large providers do.
    claims: { openid: ['sub', 'acr', 'amr', 'auth_time'], profile: ['name', 'preferred_username'], iss: null, sid: null },
    // The id token has what a scope asks for, as most providers do it; the user info endpoint has it too.
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
    },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, login) => ({ accountId: login, claims: () => claimsOf(login) }),
    // Who signs in agrees: there is no second page.
    async loadExistingGrant(context) {
      const { provider, client, session, params } = context.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
    cookies: { keys: ['sogoc-test'] },
    renderError(context, out) {
      context.type = 'json';
      context.body = out;
    },
  };
}

async function fields(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return Object.fromEntries(new URLSearchParams(text));
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function form({ prompt, params }) {
  return `<!doctype html><title>Sign in</title>
<h1>Sign in to ${escaped(params.client_id)}</h1>
<form method="post"><input type="hidden" name="prompt" value="${escaped(prompt.name)}">
<label>Login <input name="login" autofocus></label> <label>Password <input name="password" type="password"></label>
<label>amr <input name="amr"></label> <button>Sign in</button></form>`;
}

// The page that asks who one is: GET shows the form, POST takes it.
async function interaction(provider, request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(form(details));
    return;
  }
  const { login, amr, acr, name, error } = await fields(request);
  if (error !== undefined || !login) {
    const result = { error: error || 'access_denied', error_description: 'the test refused to sign in' };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    return;
  }
  accounts.set(login, name === undefined ? {} : { name });
  const result = { login: { accountId: login, ...(amr && { amr: amr.split(/[ ,]+/) }), ...(acr && { acr }) } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function serve(scheme, server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `${scheme}://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration(issuer));
  const allowed = provider.Client.prototype.redirectUriAllowed;
  provider.Client.prototype.redirectUriAllowed = function redirectUriAllowed(value) {
    const uri = URL.canParse(value) ? new URL(value) : undefined;
    return (uri && LOOPBACK.has(uri.hostname) && uri.pathname.endsWith(CALLBACK) && !uri.search) || allowed.call(this, value);
  };
  provider.on('server_error', (_context, error) => console.error(error));
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url.startsWith('/interaction/')) return answer(request, response);
    return interaction(provider, request, response).catch((error) => {
      response.statusCode = error.statusCode ?? 500;
      response.end(`${error.message}\n`);
    });
  });
  return issuer;
}

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const issuers = [await serve('http', createServer()), await serve('https', createSecureServer({ key, cert }))];
process.stdout.write(`${issuers.join('\n')}\n`);
