/** The snippets as VS Code takes them: contributed, whole, and the launch configurations by their schema. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type AnySchema } from 'ajv';
import { expandSnippet, launchSnippets, snippetText, snippetsOf } from './snippetText.ts';

const PACKAGE = join(import.meta.dirname, '..', '..');

interface Manifest {
  contributes: {
    snippets: { language: string; path: string }[];
    debuggers: { configurationAttributes: Record<string, AnySchema & object> }[];
  };
}

const { contributes } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as Manifest;

describe('snippets', () => {
  it('expand: tab stops, placeholders in placeholders, choices, escapes', () => {
    assert.equal(expandSnippet('${1:a}-$1-${2|x,y|}-\\$1-${3:b${4:c\\}}}$0'), 'a-a-x-$1-bc}');
    assert.equal(expandSnippet('$1 ${1:later}', { 1: 'typed' }), 'typed typed');
    assert.throws(() => expandSnippet('${1:open'), /has no end/);
    assert.throws(() => expandSnippet('$TM_FILENAME'), /a variable/);
  });

  it('are offered in the languages that kernel files and guest scripts have; headers are C++ to VS Code', () => {
    const languages = new Map(contributes.snippets.map(({ language, path }) => [language, path]));
    assert.deepEqual([...languages.keys()].sort(), ['asm', 'c', 'cpp', 'shellscript']);
    assert.equal(languages.get('c'), languages.get('cpp'));
  });

  for (const path of new Set(contributes.snippets.map((snippet) => snippet.path))) {
    it(`of ${path} have a prefix of their own, a description of their place, and an end`, () => {
      const name = /snippets\/(.+)\.json/.exec(path)![1]!;
      for (const [prefix, { description }] of snippetsOf(name)) {
        assert.match(prefix, /^kexec-[a-z0-9-]+$/);
        assert.ok(description.length > 20, prefix);
        assert.doesNotMatch(snippetText(snippetsOf(name), prefix), /\$\{\d/);
      }
    });
  }

  // VS Code's own words in a schema are not those of the standard.
  const ajv = new Ajv({ strict: false, allErrors: true });
  for (const { label, configuration } of launchSnippets()) {
    it(`"${label}" is as the schema of a launch.json has it`, () => {
      const { type, request, name, preLaunchTask, ...ours } = configuration;
      assert.equal(type, 'kexec-jump');
      assert.ok(typeof name === 'string' && name !== '');
      if (preLaunchTask !== undefined) assert.equal(preLaunchTask, 'kexec-jump: Build kernels A and B');
      const schema = contributes.debuggers[0]!.configurationAttributes[request as string]!;
      const validate = ajv.compile({ ...schema, type: 'object', additionalProperties: false });
      assert.ok(validate(ours), ajv.errorsText(validate.errors));
    });
  }
});
