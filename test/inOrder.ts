/** Tests that build on each other: behind one that failed the rest of its suite is skipped, while other suites run on. */
export function inOrder(): void {
  let failed = false;
  beforeEach(function () {
    if (failed) this.skip();
  });
  afterEach(function () {
    failed ||= this.currentTest?.state === 'failed';
  });
}
