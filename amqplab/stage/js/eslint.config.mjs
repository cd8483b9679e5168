// What eslint looks for in these modules; docs/stage.md says how to run it by hand.
//
// eslint's own recommendations, and rules against what reads as one thing and is another: a name that hides a
// name, a comparison that converts, a variable that never varies. How long lines are is no matter of this.

import { createRequire } from "node:module";
import process from "node:process";

const recommended = createRequire(process.argv[1])("@eslint/js").configs.recommended; // eslint brings it along

/** What the scripts use of the browser. A name that is missing here is a slip, or a new demand on browsers. */
const BROWSER = [
  ...["atob", "Blob", "DecompressionStream", "Response", "TextDecoder"],
  ...["window", "document", "localStorage", "matchMedia", "getComputedStyle", "ResizeObserver"],
  ...["performance", "requestAnimationFrame", "cancelAnimationFrame", "setTimeout", "clearTimeout"],
];

export default [
  recommended,
  {
    files: ["**/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: Object.fromEntries(BROWSER.map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: "error", reportUnusedInlineConfigs: "error" },
    rules: {
      "array-callback-return": "error",
      "default-param-last": "error",
      eqeqeq: "error",
      "no-duplicate-imports": "error",
      "no-eval": "error",
      "no-implicit-coercion": ["error", { boolean: false, number: false }],
      "no-param-reassign": "error",
      "no-self-compare": "error",
      "no-shadow": ["error", { builtinGlobals: true, hoist: "all" }],
      "no-throw-literal": "error",
      "no-unneeded-ternary": "error",
      "no-unused-expressions": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "all" }],
      "no-useless-concat": "error",
      "no-useless-rename": "error",
      "no-useless-return": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-arrow-callback": "error",
      "prefer-const": "error",
      "prefer-rest-params": "error",
      "prefer-spread": "error",
      "prefer-template": "error",
      "require-await": "error",
    },
  },
];
