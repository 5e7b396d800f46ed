// The description that a running server gives of itself, checked against the schema of OpenAPI 3.1.
//
//   node description.mjs BASE_URL

import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";

const [base] = process.argv.slice(2);
const answer = await fetch(`${base}/openapi.json`);
assert.equal(answer.status, 200);
const document = await answer.json();

const validator = new Validator();
const { valid, errors } = await validator.validate(structuredClone(document));
assert.ok(valid, JSON.stringify(errors, null, 2));
assert.equal(validator.version, "3.1");
console.log("ok @seriousme/openapi-schema-validator 2.11.0 the served description is OpenAPI 3.1");

// The validator finds what is wrong, or its word would be worth nothing.
delete document.info.title;
assert.equal((await new Validator().validate(document)).valid, false);
console.log("ok @seriousme/openapi-schema-validator 2.11.0 a description without a title is refused");
