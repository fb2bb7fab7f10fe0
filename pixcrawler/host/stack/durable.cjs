// Makes Azurite keep what it acknowledges: preloaded by `node --require durable.cjs azurite.js ...`.
//
// Azurite keeps its metadata in LokiJS databases in memory and saves them whole every 5 seconds, so
// that SIGKILL loses up to 5 seconds of acknowledged writes (contents are on disk before the answer).
// Here every change is appended to a journal beside the database before a byte of the answer leaves:
//   NAME.json              the database as of its last save (Loki writes NAME.json~ and renames it)
//   NAME.json.journal.N    changes since; one line is one batch: [[collection, id, document|null], ...]
// A start loads the database, replays the journals in order, and Azurite then saves the result.
// Replaying twice gives the same, so a crash between a save and the removal of its journals is fine.
// write(2) without fsync survives the death of the process, not a power cut.
'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const { createRequire } = require('module');

const CHECKPOINT_BYTES = Number(process.env.PIXCRAWLER_AZURITE_CHECKPOINT_BYTES) || 4194304; // a database is saved when its journal is longer than
// this and than the database itself: the cost of saving stays in proportion to what was written
const CANNOT_WRITE = 74; // exit code, EX_IOERR

const Loki = createRequire(path.resolve(process.argv[1]))('lokijs');
const journals = new Map(); // database -> its journal
const databases = []; // extents first: a document must never name an extent that was not written

class Journal {
  constructor(filename) {
    this.filename = filename;
    this.number = Math.max(0, ...journalNumbers(filename)) + 1;
    this.descriptor = null;
    this.bytes = 0;
    this.savedBytes = 0;
    this.structureChanged = false;
  }

  append(line) {
    if (this.descriptor === null) {
      this.descriptor = fs.openSync(`${this.filename}.journal.${this.number}`, 'a', 0o600);
    }
    const data = Buffer.from(line + '\n');
    for (let done = 0; done < data.length; ) {
      done += fs.writeSync(this.descriptor, data, done);
    }
    this.bytes += data.length;
  }

  // Further changes go to a new file; returns the number of the last one before.
  rotate() {
    if (this.descriptor !== null) {
      fs.closeSync(this.descriptor);
      this.descriptor = null;
    }
    this.bytes = 0;
    return this.number++;
  }

  removeUpTo(last) {
    for (const number of journalNumbers(this.filename)) {
      if (number <= last) fs.unlinkSync(`${this.filename}.journal.${number}`);
    }
  }
}

function journalNumbers(filename) {
  const prefix = `${path.basename(filename)}.journal.`;
  let names = [];
  try {
    names = fs.readdirSync(path.dirname(filename));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

function readBatches(filename) {
  const batches = [];
  for (const number of journalNumbers(filename)) {
    const lines = fs.readFileSync(`${filename}.journal.${number}`, 'utf8').split('\n');
    lines.pop(); // after the last newline: nothing, or a batch that was never acknowledged
    for (const line of lines) batches.push(JSON.parse(line));
  }
  return batches;
}

// Put the journals' changes into a database as read from its file, before Loki loads it.
function replay(stored, filename) {
  const changed = new Map();
  for (const batch of readBatches(filename)) {
    for (const [name, id, document] of batch) {
      if (!changed.has(name)) changed.set(name, new Map());
      changed.get(name).set(id, document);
    }
  }
  for (const collection of stored.collections) {
    const changes = changed.get(collection.name);
    if (!changes) continue;
    const documents = new Map(collection.data.map((document) => [document.$loki, document]));
    for (const [id, document] of changes) {
      collection.maxId = Math.max(collection.maxId || 0, id);
      if (document === null) documents.delete(id);
      else documents.set(id, document);
    }
    // Loki finds documents by bisection: in order of their ids.
    collection.data = [...documents.values()].sort((a, b) => a.$loki - b.$loki);
  }
  return [...changed.keys()];
}

// At once, so that no save can overtake another or a journal. `this` is Loki's file adapter.
function saveWhole(filename, text, callback) {
  fs.writeFileSync(`${filename}~`, text);
  fs.renameSync(`${filename}~`, filename);
  callback(null);
}

function commit(db) {
  const journal = journals.get(db);
  if (journal.structureChanged) {
    db.saveDatabaseInternal();
    return;
  }
  const batch = [];
  for (const collection of db.collections) {
    if (collection.dirtyIds.length === 0) continue;
    for (const id of new Set(collection.dirtyIds)) {
      batch.push([collection.name, id, collection.get(id)]);
    }
    collection.dirtyIds = [];
  }
  if (batch.length === 0) return;
  journal.append(JSON.stringify(batch));
  if (journal.bytes > Math.max(CHECKPOINT_BYTES, journal.savedBytes)) db.saveDatabaseInternal();
}

// Nothing may be answered that was not written: stop rather than go on without a journal.
function commitAll() {
  try {
    for (const db of databases) commit(db);
  } catch (error) {
    process.stderr.write(`cannot write the journal: ${error.message}\n`);
    process.exit(CANNOT_WRITE);
  }
}

const original = {};
for (const name of [
  'addCollection', 'removeCollection', 'renameCollection', 'loadJSONObject', 'serialize',
  'saveDatabaseInternal', 'autosaveEnable', 'configureOptions',
]) {
  original[name] = Loki.prototype[name];
  if (typeof original[name] !== 'function') throw new Error(`lokijs has no ${name}`);
}

Loki.prototype.configureOptions = function (options, initial) {
  original.configureOptions.call(this, options, initial);
  if (this.persistenceMethod !== 'fs' || journals.has(this)) return;
  this.persistenceAdapter.saveDatabase = saveWhole;
  journals.set(this, new Journal(this.filename));
  databases.push(this);
  databases.sort((a, b) => /extent/.test(b.filename) - /extent/.test(a.filename));
};

for (const name of ['addCollection', 'removeCollection', 'renameCollection']) {
  Loki.prototype[name] = function (...args) {
    const result = original[name].apply(this, args);
    if (name === 'addCollection') result.isIncremental = true; // notes the ids of what changes
    if (journals.has(this)) journals.get(this).structureChanged = true;
    return result;
  };
}

Loki.prototype.loadJSONObject = function (stored, options) {
  const journal = journals.get(this);
  const changed = journal ? replay(stored, this.filename) : [];
  original.loadJSONObject.call(this, stored, options);
  for (const collection of this.collections) {
    collection.dirtyIds = [];
    if (changed.includes(collection.name)) collection.ensureAllIndexes(true);
  }
  if (journal) journal.structureChanged = false;
};

Loki.prototype.saveDatabaseInternal = function (callback) {
  const journal = journals.get(this);
  if (!journal) return original.saveDatabaseInternal.call(this, callback);
  for (const collection of this.collections) collection.dirtyIds = []; // the save has them
  journal.structureChanged = false;
  const covered = journal.rotate();
  return original.saveDatabaseInternal.call(this, (error) => {
    if (!error) journal.removeUpTo(covered);
    if (callback) callback(error);
    else if (error) throw error;
  });
};

Loki.prototype.serialize = function (options) {
  const text = original.serialize.call(this, options);
  if (journals.has(this)) journals.get(this).savedBytes = text.length;
  return text;
};

// The journal decides when to save; closing still saves, because autosave counts as on.
Loki.prototype.autosaveEnable = function () {
  this.autosave = true;
};

for (const name of ['write', 'end', 'flushHeaders']) {
  const send = http.ServerResponse.prototype[name];
  http.ServerResponse.prototype[name] = function (...args) {
    commitAll();
    return send.apply(this, args);
  };
}
