// A server of other people's making, with one person on it, for tests to federate with.
// Fedify (npm, MIT) speaks the protocol and checks every signature; this file only says what that
// person does, and keeps a list of what came. Tests tell it what to do: POST /control/<verb>, JSON.
//
//   node peer.mjs --port 8201 [--name frida] [--first-knock rfc9421]
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { createFederation, MemoryKvStore } from "@fedify/fedify";
import * as signing from "@fedify/fedify/sig";
import * as as from "@fedify/fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";

const { values: options } = parseArgs({
  options: {
    port: { type: "string" },
    name: { type: "string", default: "frida" },
    "first-knock": { type: "string", default: "rfc9421" },
  },
});
const CAVAGE = "draft-cavage-http-signatures-12";
const scheme = (word) => (word === "rfc9421" ? "rfc9421" : CAVAGE);
const origin = `http://localhost:${options.port}`;
const PUBLIC = as.PUBLIC_COLLECTION.href;

// ---- what it remembers ----

let number = 0;
const fresh = () => ({
  title: "Frida",
  followers: new Map(), // address → {id, inboxId, endpoints}
  following: new Map(), // address → {id, state}
  posts: new Map(),
  arrived: [], // every POST to an inbox: {type, http, status, activity}
  asked: [], // every signed or unsigned GET: {path, signer, status}
  went: [], // every request that left: {method, url, status}
});
let memory = fresh();

// Tests hold it against us if anything is asked of a machine that is not this one.
const reallyFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const entry = { method: request.method, url: request.url };
  memory.went.push(entry);
  const response = await reallyFetch(request);
  entry.status = response.status;
  return response;
};

// ---- who it is ----

const keys = await Promise.all(
  ["RSASSA-PKCS1-v1_5", "Ed25519"].map((algorithm) => signing.generateCryptoKeyPair(algorithm)),
);
const federation = createFederation({
  kv: new MemoryKvStore(),
  origin,
  allowPrivateAddress: true,
  firstKnock: scheme(options["first-knock"]),
  signatureTimeWindow: { hours: 1 },
});
const context = () => federation.createContext(new URL(origin), undefined);
const isFrida = (identifier) => identifier === options.name;
const self = (ctx) => ctx.getActorUri(options.name);
const followersOf = (ctx) => ctx.getFollowersUri(options.name).href;
const newId = (ctx, type) => new URL(`#${type}-${++number}`, self(ctx));

async function person(ctx, identifier) {
  if (!isFrida(identifier)) return null;
  const pairs = await ctx.getActorKeyPairs(identifier);
  return new as.Person({
    id: ctx.getActorUri(identifier),
    preferredUsername: identifier,
    name: memory.title,
    url: ctx.getActorUri(identifier),
    inbox: ctx.getInboxUri(identifier),
    outbox: ctx.getOutboxUri(identifier),
    followers: ctx.getFollowersUri(identifier),
    following: ctx.getFollowingUri(identifier),
    endpoints: new as.Endpoints({ sharedInbox: ctx.getInboxUri() }),
    publicKey: pairs[0].cryptographicKey,
    assertionMethods: pairs.map((pair) => pair.multikey),
  });
}

federation
  .setActorDispatcher("/users/{identifier}", person)
  .setKeyPairsDispatcher((_, identifier) => (isFrida(identifier) ? keys : []));

const addressOf = (ctx, post) =>
  ctx.getObjectUri(as.Note, { identifier: options.name, id: post.id });
const urls = (addresses) => addresses.map((address) => new URL(address));

function note(ctx, post) {
  return new as.Note({
    id: addressOf(ctx, post),
    attribution: self(ctx),
    content: post.content,
    mediaType: "text/html",
    published: Temporal.Instant.from(post.published),
    url: addressOf(ctx, post),
    replyTarget: post.answers ? new URL(post.answers) : null,
    tos: urls(post.to),
    ccs: urls(post.cc),
    tags: post.mentioned.map(
      ({ address, handle }) => new as.Mention({ href: new URL(address), name: handle }),
    ),
  });
}

// Private posts are shown to a signature of a server that has somebody whom they are for.
federation
  .setObjectDispatcher(as.Note, "/users/{identifier}/posts/{id}", (ctx, { id }) => {
    const post = memory.posts.get(id);
    if (!post) return null;
    return post.deleted ? new as.Tombstone({ id: addressOf(ctx, post) }) : note(ctx, post);
  })
  .authorize(async (ctx, { id }) => {
    const owner = await ctx.getSignedKeyOwner().catch(() => null);
    memory.asked.push({ path: ctx.url.pathname, signer: owner?.id?.href ?? null });
    const post = memory.posts.get(id);
    return !post || [...post.to, ...post.cc].includes(PUBLIC) || owner !== null;
  });

const recipient = ({ id, inbox, shared }) => ({
  id: new URL(id),
  inboxId: new URL(inbox),
  endpoints: shared ? { sharedInbox: new URL(shared) } : null,
});
federation.setFollowersDispatcher("/users/{identifier}/followers", () => ({
  items: [...memory.followers.values()].map(recipient),
}));
federation.setFollowingDispatcher("/users/{identifier}/following", () => ({
  items: urls([...memory.following.keys()]),
}));
federation.setOutboxDispatcher("/users/{identifier}/outbox", () => ({ items: [] }));

// ---- what it hears ----

async function welcome(ctx, follow) {
  const follower = await follow.getActor(ctx);
  if (!follower?.id || follow.objectId?.href !== self(ctx).href) return;
  memory.followers.set(follower.id.href, {
    id: follower.id.href,
    inbox: follower.inboxId.href,
    shared: follower.endpoints?.sharedInbox?.href,
  });
  const accept = { id: newId(ctx, "Accept"), actor: self(ctx), object: follow };
  await send(ctx, follower, new as.Accept({ ...accept, to: follower.id }));
}

async function takeBack(ctx, undo) {
  const undone = await undo.getObject(ctx);
  if (undone instanceof as.Follow && undone.actorId?.href === undo.actorId?.href)
    memory.followers.delete(undo.actorId.href);
}

const answered = (state) => (_, answer) => {
  const asked = memory.following.get(answer.actorId?.href);
  if (asked) asked.state = state;
  if (state === "rejected") memory.followers.delete(answer.actorId?.href);
};

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .setSharedKeyDispatcher(() => ({ identifier: options.name }))
  .on(as.Follow, welcome)
  .on(as.Undo, takeBack)
  .on(as.Accept, answered("accepted"))
  .on(as.Reject, answered("rejected"))
  .on(as.Activity, () => {});

// ---- what it says ----

const send = (ctx, to, activity) =>
  ctx.sendActivity({ identifier: options.name }, to, activity, {
    immediate: true,
    preferSharedInbox: true,
  });

/** A handle or an address; Fedify asks WebFinger over https only, so that step is ours. */
async function find(ctx, what) {
  const handle = /^@?([^@/]+)@([^@/]+)$/.exec(what);
  if (handle) {
    const query = `resource=acct:${handle[1]}@${handle[2]}`;
    const found = await fetch(`http://${handle[2]}/.well-known/webfinger?${query}`);
    const { links } = await found.json();
    what = links.find((link) => link.rel === "self" && link.type.includes("activity")).href;
  }
  const loader = await ctx.getDocumentLoader({ identifier: options.name });
  const object = await ctx.lookupObject(what, { documentLoader: loader });
  if (object === null) throw new Error(`nothing is at ${what}`);
  return object;
}

function addressed(ctx, visibility, mentioned) {
  const followers = followersOf(ctx);
  const names = mentioned.map(({ address }) => address);
  return {
    public: { to: [PUBLIC], cc: [followers, ...names] },
    unlisted: { to: [followers], cc: [PUBLIC, ...names] },
    followers: { to: [followers], cc: names },
    direct: { to: names, cc: [] },
  }[visibility];
}

/** Tell whom the post is for: those it mentions, and its followers where it is for them. */
async function publish(ctx, Type, post, object) {
  const { to, cc } = post;
  const head = { id: newId(ctx, Type.name), actor: self(ctx) };
  const activity = new Type({ ...head, object, tos: urls(to), ccs: urls(cc) });
  for (const { address } of post.mentioned) await send(ctx, await find(ctx, address), activity);
  if ([...to, ...cc].includes(followersOf(ctx))) await send(ctx, "followers", activity);
  return { id: addressOf(ctx, post).href, activity: activity.id.href };
}

async function react(ctx, Type, { object, undo, id }) {
  const target = await find(ctx, object);
  const author = as.isActor(target) ? target : await find(ctx, target.attributionId.href);
  const shared = Type === as.Announce ? { to: as.PUBLIC_COLLECTION, cc: author.id } : {};
  const head = { id: id ? new URL(id) : newId(ctx, Type.name), actor: self(ctx) };
  let activity = new Type({ ...head, object: target.id, to: author.id, ...shared });
  if (undo)
    activity = new as.Undo({ id: newId(ctx, "Undo"), actor: self(ctx), object: activity });
  await send(ctx, author, activity);
  return { activity: head.id.href };
}

const verbs = {
  reset: async () => ((memory = fresh()), {}),

  async follow(ctx, { object }) {
    const target = await find(ctx, object);
    const id = newId(ctx, "Follow");
    memory.following.set(target.id.href, { id: id.href, state: "pending" });
    await send(ctx, target, new as.Follow({ id, actor: self(ctx), object: target.id }));
    return { activity: id.href };
  },

  async unfollow(ctx, { object }) {
    const target = await find(ctx, object);
    const asked = memory.following.get(target.id.href);
    memory.following.delete(target.id.href);
    return react(ctx, as.Follow, { object: target.id.href, undo: true, id: asked.id });
  },

  async post(ctx, { content, visibility = "public", mention = [], answers = null }) {
    const people = await Promise.all(mention.map((handle) => find(ctx, handle)));
    const mentioned = people.map((one) => ({
      address: one.id.href,
      handle: `@${one.preferredUsername}@${one.id.host}`,
    }));
    const published = new Date().toISOString();
    const whom = addressed(ctx, visibility, mentioned);
    const post = { id: String(++number), content, answers, published, mentioned, ...whom };
    memory.posts.set(post.id, post);
    return publish(ctx, as.Create, post, note(ctx, post));
  },

  async delete(ctx, { object }) {
    const post = memory.posts.get(object.split("/").pop());
    post.deleted = true;
    return publish(ctx, as.Delete, post, new as.Tombstone({ id: addressOf(ctx, post) }));
  },

  like: (ctx, given) => react(ctx, as.Like, given),
  announce: (ctx, given) => react(ctx, as.Announce, given),
  block: (ctx, given) => react(ctx, as.Block, given),

  async rename(ctx, { title }) {
    memory.title = title;
    const object = await person(ctx, options.name);
    const head = { id: newId(ctx, "Update"), actor: self(ctx), to: as.PUBLIC_COLLECTION };
    await send(ctx, "followers", new as.Update({ ...head, object }));
    return {};
  },

  /** Send this very JSON. `signed`: cavage, rfc9421 or none; `spoil`: body, digest; `age`: s. */
  async raw(ctx, { inbox, activity, signed = "cavage", spoil, age = 0, keyId }) {
    const [pair] = await ctx.getActorKeyPairs(options.name);
    const body = JSON.stringify(activity);
    const headers = { "content-type": "application/activity+json" };
    let request = new Request(inbox, { method: "POST", body, headers });
    if (signed !== "none") {
      const key = new URL(keyId ?? pair.keyId);
      const currentTime = Temporal.Now.instant().subtract({ seconds: age });
      request = await signing.signRequest(request, pair.privateKey, key, {
        spec: scheme(signed),
        currentTime,
      });
    }
    const sent = new Headers(request.headers);
    if (spoil === "digest") ["digest", "content-digest"].forEach((name) => sent.delete(name));
    const text = spoil === "body" ? body.replace(/}$/, ',"more":1}') : body;
    const answer = await fetch(inbox, { method: "POST", headers: sent, body: text });
    return { status: answer.status, body: await answer.text() };
  },

  find: async (ctx, { object }) => (await find(ctx, object)).toJsonLd(),

  state: async (ctx) => ({
    address: self(ctx).href,
    followers: [...memory.followers.keys()],
    following: Object.fromEntries(memory.following),
    arrived: memory.arrived,
    asked: memory.asked,
    went: memory.went,
  }),
};

// ---- HTTP ----

/** Ask Fedify about the signature on its own, so that a good answer cannot hide a bad one. */
async function examined(request) {
  const ctx = context();
  const loader = await ctx.getDocumentLoader({ identifier: options.name });
  const loaders = { documentLoader: loader, contextLoader: ctx.contextLoader };
  const activity = await request.clone().json();
  const spec = request.headers.has("signature-input") ? "rfc9421" : CAVAGE;
  const found = await signing.verifyRequestDetailed(request.clone(), { ...loaders, spec });
  const read = await as.Object.fromJsonLd(activity, loaders).catch((error) => error);
  return {
    type: activity.type,
    http: found.verified ? "ok" : found.reason.type,
    read: read instanceof Error ? String(read) : read.constructor.name,
    activity,
  };
}

async function federate(request) {
  const posted = request.method === "POST" ? await examined(request) : null;
  const response = await federation.fetch(request, {
    contextData: undefined,
    onNotFound: () => new Response("nothing here", { status: 404 }),
    onNotAcceptable: () => new Response("not acceptable", { status: 406 }),
  });
  if (posted) memory.arrived.push({ ...posted, status: response.status });
  return response;
}

async function command(request, verb) {
  if (!(verb in verbs)) return Response.json({ verbs: Object.keys(verbs) }, { status: 404 });
  try {
    return Response.json(await verbs[verb](context(), await request.json()));
  } catch (error) {
    return Response.json({ error: String(error.stack ?? error) }, { status: 500 });
  }
}

async function asRequest(message) {
  const headers = new Headers();
  for (let at = 0; at < message.rawHeaders.length; at += 2)
    headers.append(message.rawHeaders[at], message.rawHeaders[at + 1]);
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  const body = message.method === "POST" ? Buffer.concat(chunks) : undefined;
  return new Request(origin + message.url, { method: message.method, headers, body });
}

createServer(async (message, answer) => {
  const request = await asRequest(message);
  const [, folder, verb] = new URL(request.url).pathname.split("/");
  const response = folder === "control" ? await command(request, verb) : await federate(request);
  answer.writeHead(response.status, Object.fromEntries(response.headers));
  answer.end(Buffer.from(await response.arrayBuffer()));
}).listen(Number(options.port), "127.0.0.1", () => console.log(`${self(context()).href}`));
