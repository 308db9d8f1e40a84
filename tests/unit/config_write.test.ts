// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- says what it leaves out
import assert from "node:assert/strict";
import { join } from "node:path";
import { replaceFile } from "../../core/config/write.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const OLD = "old\n";
const isRoot = Deno.uid() === 0;

/** Runs a test in a folder of its own, in which file `a` holds OLD. */
function inFolder(test: (folder: string) => void): void {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "taler-auditor-write-" }));
  try {
    Deno.writeTextFileSync(join(folder, "a"), OLD);
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;

Deno.test("write: the content is replaced, the mode stays, nothing is left beside it", () => {
  inFolder((folder) => {
    const path = join(folder, "a");
    for (const mode of [0o644, 0o640, 0o600, 0o444]) {
      Deno.chmodSync(path, mode);
      const before = Deno.readFileSync(path);
      assert.deepEqual(replaceFile(path, before, bytes(`${mode}`)), { path });
      assert.deepEqual([Deno.readTextFileSync(path), modeOf(path), names(folder)], [`${mode}`, mode, ["a"]]);
    }
  });
});

Deno.test("write: a symbolic link stays one, also through a second one; what it leads to is replaced", () => {
  inFolder((folder) => {
    Deno.mkdirSync(join(folder, "d"));
    Deno.symlinkSync("../a", join(folder, "d/link"));
    Deno.symlinkSync("d/link", join(folder, "first"));
    assert.deepEqual(replaceFile(join(folder, "first"), bytes(OLD), bytes("new")), { path: join(folder, "a") });
    assert.equal(Deno.readLinkSync(join(folder, "first")), "d/link");
    assert.equal(Deno.readTextFileSync(join(folder, "a")), "new");
    assert.deepEqual([names(folder), names(join(folder, "d"))], [["a", "d", "first"], ["link"]]);
  });
});

Deno.test("write: a link to nothing creates what it leads to", () => {
  inFolder((folder) => {
    Deno.symlinkSync("d/b", join(folder, "link"));
    assert.deepEqual(replaceFile(join(folder, "link"), undefined, bytes("new")), { path: join(folder, "d/b") });
    assert.equal(Deno.readTextFileSync(join(folder, "link")), "new");
  });
});

Deno.test("write: a new file and its directories are the owner's alone", () => {
  inFolder((folder) => {
    const path = join(folder, "x/y/b.conf");
    assert.deepEqual(replaceFile(path, undefined, bytes("new")), { path });
    assert.deepEqual([modeOf(path), modeOf(join(folder, "x")), names(join(folder, "x/y"))], [0o600, 0o700, ["b.conf"]]);
  });
});

/** Ways in which writing beside the file ends early, as on a full disk. */
const FAILURES: readonly (readonly [what: string, write: (path: string) => void])[] = [
  ["nothing can be written", () => {
    throw new Error("No space left on device");
  }],
  ["half of it is written", (path) => {
    Deno.writeTextFileSync(path, "ne");
    throw new Error("No space left on device");
  }],
  ["it may not be written", () => {
    throw new Deno.errors.PermissionDenied("Permission denied");
  }],
];

for (const [what, write] of FAILURES) {
  Deno.test(`write: ${what}: the old file stays, and nothing beside it`, () => {
    inFolder((folder) => {
      const path = join(folder, "a");
      const result = replaceFile(path, bytes(OLD), bytes("new"), write);
      assert.match("error" in result ? result.error : "", /\/a cannot be written: (No space|Permission)/);
      assert.deepEqual([Deno.readTextFileSync(path), names(folder)], [OLD, ["a"]]);
    });
  });
}

Deno.test("write: what somebody else has changed, created or removed meanwhile is left alone", () => {
  inFolder((folder) => {
    const path = join(folder, "a");
    for (const before of [bytes("older"), bytes("oldx"), undefined]) {
      const result = replaceFile(path, before, bytes("new"));
      assert.match("error" in result ? result.error : "", /was changed by somebody else meanwhile/);
      assert.equal(Deno.readTextFileSync(path), OLD);
    }
    const gone = replaceFile(join(folder, "gone"), bytes(OLD), bytes("new"));
    assert.match("error" in gone ? gone.error : "", /cannot be written/);
    assert.deepEqual(names(folder), ["a"]);
  });
});

Deno.test("write: what is no file is not replaced", () => {
  inFolder((folder) => {
    const result = replaceFile(folder, bytes(OLD), bytes("new"));
    assert.deepEqual(result, { error: `${folder} is no regular file` });
    assert.match(JSON.stringify(replaceFile(join(folder, "a/b"), undefined, bytes(""))), /cannot be written/);
    Deno.symlinkSync("loop", join(folder, "loop"));
    assert.match(JSON.stringify(replaceFile(join(folder, "loop"), bytes(OLD), bytes(""))), /cannot be written/);
  });
});

Deno.test("write: owner and group stay, so that nobody is locked out", { ignore: !isRoot }, () => {
  inFolder((folder) => {
    const path = join(folder, "a");
    Deno.chownSync(path, 1234, 2345);
    Deno.chmodSync(path, 0o640);
    assert.deepEqual(replaceFile(path, bytes(OLD), bytes("new")), { path });
    const { uid, gid } = Deno.statSync(path);
    assert.deepEqual([uid, gid, modeOf(path)], [1234, 2345, 0o640]);
  });
});

/** An unprivileged user, where the tests run as root. */
const NOBODY = { uid: 65534, gid: 65534 };

/** True if that user can start this runtime; it may lie in root's own folders. */
function nobodyCanRun(): boolean {
  const probe = { args: ["-c", 'test -x "$0"', Deno.execPath()], ...NOBODY };
  const can = isRoot && new Deno.Command("sh", probe).outputSync().success;
  if (!can) console.log("no second user can run the program: the test of a file with another owner is left out");
  return can;
}

Deno.test("write: a file that would change its owner is not replaced", { ignore: !nobodyCanRun() }, () => {
  inFolder((folder) => {
    Deno.chmodSync(folder, 0o777);
    Deno.chmodSync(join(folder, "a"), 0o666);
    Deno.copyFileSync(new URL("../../core/config/write.ts", import.meta.url), join(folder, "write.ts"));
    const script = `import { replaceFile } from "./write.ts";
      const result = replaceFile("${folder}/a", Deno.readFileSync("a"), new TextEncoder().encode("new"));
      console.log(JSON.stringify(result));`;
    Deno.writeTextFileSync(join(folder, "script.ts"), script);
    const { stdout, stderr } = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-config", "--quiet", "script.ts"],
      cwd: folder,
      env: { DENO_DIR: join(folder, "cache"), HOME: folder },
      ...NOBODY,
    }).outputSync();
    const text = (output: Uint8Array) => new TextDecoder().decode(output);
    assert.match(text(stdout), /cannot be replaced: it belongs to user 0 and group 0/, text(stderr));
    assert.equal(Deno.readTextFileSync(join(folder, "a")), OLD);
    assert.deepEqual(names(folder).filter((name) => name.startsWith(".")), []);
  });
});
