// What a policy script finds when it starts: Access Management's bindings, and as much of Java's collections as such
// scripts use. Evaluated once, when the module is made, and called with what gives the session's text; gives the functions that
// the host's side calls.
//
// Environment: {key: [value, …]}
// Session:     {session, profile?}
// Answers:     {"result": {"satisfied", "advices", "attributes", "ttl"} or {"error"}, "log": [[level, text], …]}
//              {"errors": [{"line", "column", "message"}]} for a script that is only parsed
sessionText => {
    'use strict';

    const { parse, stringify } = JSON;
    const { isArray } = Array;
    const { apply, defineProperty, get, getOwnPropertyDescriptor, has, ownKeys, set } = Reflect;
    const { trunc } = Math;
    const { exec } = RegExp.prototype;
    const { slice, isWellFormed, toWellFormed } = String.prototype;
    const text = String;
    const UNLIMITED = 2 ** 63;
    // A script that says more than this has gone astray.
    const LOG_LINES = 100, LOG_TEXT = 1000, ERROR_TEXT = 500, VALUES = 1000, VALUE_TEXT = 10000;

    class ScriptError extends Error {}
    Object.defineProperty(ScriptError.prototype, 'name', { value: 'ScriptError' });
    const refuse = message => { throw new ScriptError(message); };
    const cut = (value, most) => {
        const whole = text(value);
        return apply(toWellFormed, whole.length > most ? apply(slice, whole, [0, most]) + '…' : whole, []);
    };
    const hidden = (object, members) => {
        for (const name of Object.keys(members))
            Object.defineProperty(object, name, { value: members[name], writable: true, configurable: true });
    };

    // ---- java.util -------------------------------------------------------------------------------------------------

    const same = (a, b) => a === b || (a !== null && typeof a === 'object' && typeof a.equals === 'function' && a.equals(b) === true);
    const iterated = values => {
        let at = 0;
        return {
            hasNext: () => at < values.length,
            next: () => at < values.length ? values[at++] : refuse('java.util.NoSuchElementException'),
        };
    };
    const valuesOf = from => {
        if (isArray(from)) return from;
        if (from instanceof Collection) return from.toArray();
        return refuse('a collection or an array is wanted, not ' + (from === null ? 'null' : typeof from));
    };

    class Collection {
        isEmpty() { return this.size() === 0; }
        get length() { return this.size(); }
        iterator() { return iterated(this.toArray()); }
        containsAll(other) { return valuesOf(other).every(value => this.contains(value)); }
        addAll(other) { let changed = false; for (const value of valuesOf(other)) changed = this.add(value) || changed; return changed; }
        removeAll(other) { let changed = false; for (const value of valuesOf(other)) while (this.remove(value)) changed = true; return changed; }
        retainAll(other) {
            const kept = valuesOf(other).slice(), before = this.toArray();
            this.clear();
            for (const value of before) if (kept.some(k => same(k, value))) this.add(value);
            return this.size() !== before.length;
        }
        forEach(action) { this.toArray().forEach(value => action(value)); }
        toString() { return '[' + this.toArray().join(', ') + ']'; }
        [Symbol.iterator]() { return this.toArray()[Symbol.iterator](); }
    }

    // What a list is made of: its places are its items, to JavaScript's own functions too.
    const isPlace = name => typeof name === 'string' && apply(exec, /^\d+$/, [name]) !== null;
    class Places extends Collection {
        constructor() {
            super();
            const list = new Proxy(this, {
                has: (object, name) => isPlace(name) ? +name < list.size() : has(object, name),
                get: (object, name, asked) => !isPlace(name) ? get(object, name, asked) : +name < list.size() ? list.get(+name) : undefined,
                set: (object, name, value, asked) => {
                    if (!isPlace(name)) return set(object, name, value, asked);
                    while (list.size() <= +name) list.add(null);
                    list.set(+name, value);
                    return true;
                },
            });
            // The fields of whatever extends this are made on what is returned.
            return list;
        }
    }

    class ArrayList extends Places {
        #values = [];
        constructor(from) { super(); if (from !== undefined && typeof from !== 'number') this.addAll(from); }
        #at(index, most) { return Number.isInteger(index) && index >= 0 && index < most ? index : refuse('java.lang.IndexOutOfBoundsException: ' + cut(index, 20)); }
        size() { return this.#values.length; }
        get(index) { return this.#values[this.#at(index, this.#values.length)]; }
        set(index, value) { const before = this.get(index); this.#values[index] = value; return before; }
        add(first, second) {
            if (arguments.length > 1) this.#values.splice(this.#at(first, this.#values.length + 1), 0, second);
            else this.#values.push(first);
            return true;
        }
        remove(what) {
            if (typeof what === 'number') return this.#values.splice(this.#at(what, this.#values.length), 1)[0];
            const at = this.indexOf(what);
            if (at >= 0) this.#values.splice(at, 1);
            return at >= 0;
        }
        indexOf(value) { return this.#values.findIndex(v => same(v, value)); }
        contains(value) { return this.indexOf(value) >= 0; }
        clear() { this.#values = []; }
        toArray() { return this.#values.slice(); }
        equals(other) { return other instanceof ArrayList && other.size() === this.size() && this.#values.every((v, i) => same(v, other.get(i))); }
    }

    class HashSet extends Collection {
        #values = new Set();
        constructor(from) { super(); if (from !== undefined && typeof from !== 'number') this.addAll(from); }
        size() { return this.#values.size; }
        add(value) { const before = this.#values.size; this.#values.add(value); return this.#values.size > before; }
        remove(value) { return this.#values.delete(value); }
        contains(value) { return this.#values.has(value); }
        clear() { this.#values.clear(); }
        toArray() { return [...this.#values]; }
        equals(other) { return other instanceof HashSet && other.size() === this.size() && other.containsAll(this); }
    }

    class Entry {
        #map; #key;
        constructor(map, key) { this.#map = map; this.#key = key; }
        getKey() { return this.#key; }
        getValue() { return this.#map.get(this.#key); }
        setValue(value) { return this.#map.put(this.#key, value); }
        toString() { return this.#key + '=' + this.getValue(); }
    }

    class HashMap {
        #entries = new Map();
        constructor(from) { if (from !== undefined && typeof from !== 'number') this.putAll(from); }
        size() { return this.#entries.size; }
        isEmpty() { return this.#entries.size === 0; }
        get(key) { return this.getOrDefault(key, null); }
        getOrDefault(key, other) { return this.#entries.has(key) ? this.#entries.get(key) : other; }
        put(key, value) { const before = this.get(key); this.#entries.set(key, value); return before; }
        putIfAbsent(key, value) { const before = this.get(key); if (before === null) this.#entries.set(key, value); return before; }
        putAll(other) {
            if (other instanceof HashMap) for (const key of other.keySet()) this.put(key, other.get(key));
            else if (other !== null && typeof other === 'object') for (const key of Object.keys(other)) this.put(key, other[key]);
            else refuse('a map is wanted');
        }
        remove(key) { const before = this.get(key); this.#entries.delete(key); return before; }
        clear() { this.#entries.clear(); }
        containsKey(key) { return this.#entries.has(key); }
        containsValue(value) { return [...this.#entries.values()].some(v => same(v, value)); }
        keySet() { return new HashSet([...this.#entries.keys()]); }
        values() { return new ArrayList([...this.#entries.values()]); }
        entrySet() { return new HashSet([...this.#entries.keys()].map(key => new Entry(this, key))); }
        forEach(action) { for (const key of [...this.#entries.keys()]) action(key, this.get(key)); }
        toString() { return '{' + this.entrySet().toArray().join(', ') + '}'; }
    }

    // A Java object takes no new members and keeps those it has: `responseAttributes.a = …` is an error there, and would go
    // unnoticed here. What is asked for without arguments can be read like a member.
    const unset = name => refuse('a Java object has no member ' + cut(name, 50) + ' that could be set');
    const fixed = object => new Proxy(object, { set: (_, name) => unset(name) });
    const closed = new Proxy({}, {
        get: (target, name, object) => {
            if (name === 'empty' && !(object instanceof Entry)) return object.isEmpty();
            if (name === 'key' && object instanceof Entry) return object.getKey();
            if (name === 'value' && object instanceof Entry) return object.getValue();
            return get(target, name, object);
        },
        set: (_, name) => unset(name),
    });
    for (const type of [Collection, ArrayList, HashSet, HashMap, Entry]) {
        for (const name of ownKeys(type.prototype)) {
            const { value, get = () => value } = getOwnPropertyDescriptor(type.prototype, name);
            defineProperty(type.prototype, name, { get, set: () => unset(name) });
        }
    }
    for (const type of [Collection, HashMap, Entry]) {
        Object.setPrototypeOf(type.prototype, closed);
        Object.setPrototypeOf(type, fixed(Function.prototype));
    }
    // Text is a Java string to a script, and has Java's methods beside its own.
    const wanted = value => value === null || value === undefined ? refuse('java.lang.NullPointerException') : text(value);
    hidden(String.prototype, {
        equals(other) { return typeof other === 'string' && text(this) === other; },
        equalsIgnoreCase(other) { return typeof other === 'string' && text(this).toLowerCase() === other.toLowerCase(); },
        isEmpty() { return this.length === 0; },
        contains(other) { return text(this).includes(wanted(other)); },
        compareTo(other) { const a = text(this), b = wanted(other); return a < b ? -1 : a > b ? 1 : 0; },
        compareToIgnoreCase(other) { return text(this).toLowerCase().compareTo(wanted(other).toLowerCase()); },
    });

    // ---- the way to Java's classes ---------------------------------------------------------------------------------

    const missing = path => refuse(path + ' is not offered to scripts here: they have Java\'s collections and Access Management\'s bindings only');
    const packaged = (path, members) => new Proxy(Object.create(null), {
        get: (_, name) => {
            if (typeof name === 'symbol') return undefined;
            if (Object.hasOwn(members, name)) return members[name];
            const inner = path === '' ? name : path + '.' + name;
            // Java's classes begin with a capital; everything else may be a package on the way to one.
            return /^[a-z_]/.test(name) ? packaged(inner, {}) : missing(inner);
        },
        has: () => true,
        set: (_, name) => missing(path + '.' + text(name)),
    });
    const java = packaged('java', {
        util: packaged('java.util', {
            ArrayList, LinkedList: ArrayList, HashSet, LinkedHashSet: HashSet, HashMap, LinkedHashMap: HashMap,
            Arrays: { asList: (...values) => new ArrayList(values.length === 1 && isArray(values[0]) ? values[0] : values) },
            Collections: { emptyList: () => new ArrayList(), emptySet: () => new HashSet(), emptyMap: () => new HashMap(),
                singleton: value => new HashSet([value]), singletonList: value => new ArrayList([value]) },
        }),
        lang: packaged('java.lang', { System: { currentTimeMillis: () => Date.now() } }),
    });
    const globals = {
        java,
        Packages: packaged('', { java }),
        com: packaged('com', {}), org: packaged('org', {}), javax: packaged('javax', {}),
        httpClient: new Proxy(function httpClient() {}, {
            get: (_, name) => typeof name === 'symbol' ? undefined : missing('httpClient'),
            set: () => missing('httpClient'),
            apply: () => missing('httpClient'),
        }),
        JavaImporter: function JavaImporter() { return missing('JavaImporter'); },
        importPackage: () => missing('importPackage'),
        importClass: () => missing('importClass'),
    };
    hidden(globalThis, globals);
    hidden(Math, { random: () => refuse('Math.random is not offered to scripts: the same request must have the same decision') });

    // ---- one run ---------------------------------------------------------------------------------------------------

    const lines = [];
    const logs = level => (...parts) => {
        if (lines.length >= LOG_LINES) return;
        let line = '';
        for (let i = 0; i < parts.length; i++) line += (i > 0 ? ' ' : '') + cut(parts[i], LOG_TEXT);
        lines[lines.length] = [level, cut(line, LOG_TEXT)];
    };
    const enabled = () => true;
    const logger = {};
    for (const [name, level] of [['error', 'error'], ['warning', 'warning'], ['warn', 'warning'], ['message', 'message'], ['info', 'message'], ['debug', 'message'], ['trace', 'message']]) {
        logger[name] = logs(level);
        logger[name + 'Enabled'] = enabled;
        logger['is' + name[0].toUpperCase() + name.slice(1) + 'Enabled'] = enabled;
    }

    const owns = Object.hasOwn;
    const setsOf = object => {
        const map = new HashMap();
        for (const name of Object.keys(object)) map.put(name, new HashSet(object[name]));
        return map;
    };
    // All that can be made before the inputs are known is made here: an instance lives for one run.
    const advice = new HashMap(), responseAttributes = new HashMap();
    let known;
    const facts = () => known ??= parse(sessionText());
    // As in a directory, whatever the case of the attribute's name.
    const attribute = name => {
        const { profile } = facts();
        if (profile === undefined) refuse('nothing is known of this subject\'s profile');
        const wanted = text(name).toLowerCase();
        const key = Object.keys(profile).find(key => key.toLowerCase() === wanted);
        return new HashSet(key === undefined ? [] : profile[key]);
    };
    const readOnly = () => refuse('identity is read-only here: a decision changes nobody\'s profile');
    hidden(globalThis, {
        authorized: false, advice, responseAttributes, ttl: UNLIMITED, logger: fixed(logger),
        username: null, resourceURI: null, scriptName: null, environment: new HashMap(),
        session: fixed({ getProperty: name => owns(facts().session, name) ? facts().session[name] : null }),
        identity: fixed({ getAttribute: name => attribute(name), setAttribute: readOnly, addAttribute: readOnly, store: readOnly }),
    });

    const bind = (resource, name, username, environment, hasSession) => {
        if (username !== undefined) globalThis.username = username;
        globalThis.resourceURI = resource;
        globalThis.scriptName = name;
        if (environment !== undefined) globalThis.environment = setsOf(parse(environment));
        if (hasSession) return;
        delete globalThis.session;
        delete globalThis.identity;
    };

    // By hand, so that nothing that a script did to the prototypes of arrays and objects has a say.
    const quoted = values => {
        let all = '';
        for (let i = 0; i < values.length; i++) all += (i > 0 ? ',' : '') + stringify(values[i]);
        return '[' + all + ']';
    };
    const logged = () => {
        if (lines.length === 0) return '[]';
        let all = '';
        for (let i = 0; i < lines.length; i++) all += (i > 0 ? ',' : '') + quoted(lines[i]);
        return '[' + all + ']';
    };
    const lists = (map, binding) => {
        if (map.size() === 0) return '{}';
        let all = '';
        const names = map.keySet().toArray();
        if (names.length > VALUES) refuse(binding + ' holds more than ' + VALUES + ' names');
        for (let n = 0; n < names.length; n++) {
            if (typeof names[n] !== 'string' || !apply(isWellFormed, names[n], [])) refuse(binding + ' has a name that is no text');
            const where = binding + ' `' + cut(names[n], 50) + '`', given = map.get(names[n]);
            if (!isArray(given) && !(given instanceof Collection)) refuse(where + ' is no list');
            const values = valuesOf(given);
            if (values.length > VALUES) refuse(where + ' holds more than ' + VALUES + ' values');
            for (let i = 0; i < values.length; i++) {
                if (typeof values[i] !== 'string' || !apply(isWellFormed, values[i], [])) refuse(where + ' holds something that is no text');
                if (values[i].length > VALUE_TEXT) refuse(where + ' holds a value longer than ' + VALUE_TEXT + ' characters');
            }
            all += (n > 0 ? ',' : '') + stringify(names[n]) + ':' + quoted(values);
        }
        return '{' + all + '}';
    };
    const answer = result => '{"result":' + result + ',"log":' + logged() + '}';

    const collect = () => {
        // What the script's own scope says now, also where it declared one of these names anew.
        // What is looked at is what is answered: a script may have put a getter in its place, or taken it away.
        const satisfied = typeof authorized === 'undefined' ? undefined : authorized;
        if (typeof satisfied !== 'boolean') refuse('`authorized` must stay true or false');
        let until = '9223372036854775807';
        if (satisfied) {
            const instant = typeof ttl === 'undefined' ? undefined : ttl;
            if (typeof instant !== 'number' || !(instant >= 0)) refuse('`ttl` must be an instant in milliseconds since 1970, not negative');
            if (instant < UNLIMITED) until = text(trunc(instant));
        }
        return answer((satisfied ? '{"satisfied":true,"advices":{}' : '{"satisfied":false,"advices":' + lists(advice, 'advice'))
            + ',"attributes":' + lists(responseAttributes, 'responseAttributes') + ',"ttl":' + until + '}');
    };

    const placed = thrown => {
        let message, line = 0, column = 0;
        try {
            const own = thrown instanceof Error;
            message = cut(own ? thrown.name + ': ' + thrown.message : 'the script threw ' + cut(thrown, ERROR_TEXT), ERROR_TEXT);
            const at = own ? apply(exec, /script:(\d+)(?::(\d+))?/, [text(thrown.stack)]) : null;
            if (at !== null) { line = +at[1]; column = +(at[2] || 0); }
        } catch {
            message = 'the script threw something that has no text';
        }
        return { line, column, message };
    };
    const failed = thrown => {
        const { line, column, message } = placed(thrown);
        return answer('{"error":' + stringify(line > 0 ? message + ' (line ' + line + ', column ' + column + ')' : message) + '}');
    };
    const refused = (...thrown) => stringify({ errors: thrown.map(placed) });

    return { bind, collect, failed, refused };
}
