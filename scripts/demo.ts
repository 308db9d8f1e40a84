// SPDX-License-Identifier: AGPL-3.0-or-later
/** `deno task demo`: the subcommand demo, run from source. */

import { command } from "../cmd/demo.ts";

if (import.meta.main) Deno.exit(await command.run(Deno.args));
