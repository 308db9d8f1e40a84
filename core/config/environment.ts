// SPDX-License-Identifier: AGPL-3.0-or-later

/** Reads one environment variable; undefined if it is not set. */
export type Environment = (name: string) => string | undefined;

/**
 * The environment of the process. A variable that the role may not read is "not set" (roles.md 7): the permission is
 * looked up first, so that nothing prompts or throws.
 *
 * @param denied called with the name of a variable that may not be read
 */
export function processEnvironment(denied: (name: string) => void = () => {}): Environment {
  return (name) => {
    // Such names cannot exist in an environment; asking for one is a type error in the runtime.
    if (name === "" || name.includes("=") || name.includes("\0")) return undefined;
    if (Deno.permissions.querySync({ name: "env", variable: name }).state !== "granted") {
      denied(name);
      return undefined;
    }
    return Deno.env.get(name);
  };
}

/** An environment that holds just these variables, for tests and for programs that run others. */
export function fixedEnvironment(variables: Readonly<Record<string, string>>): Environment {
  const known = new Map(Object.entries(variables));
  return (name) => known.get(name);
}
