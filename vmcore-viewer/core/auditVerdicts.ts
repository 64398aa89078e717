/** What an audit of a jump can say of a page: names, numbers, sentences. */

/** One verdict. Its number, a byte of the page layer, is its place in `AUDIT_VERDICTS`. */
export interface AuditVerdict {
  name: string;
  description: string;
  isViolation: boolean;
}

const fine = <Name extends string>(name: Name, description: string): AuditVerdict & { name: Name } => ({
  ...{ name, description },
  isViolation: false,
});
const wrong = <Name extends string>(name: Name, description: string): AuditVerdict & { name: Name } => ({
  ...{ name, description },
  isViolation: true,
});

/** All verdicts, from harmless to worst: where a page has several, the layer shows the last. */
export const AUDIT_VERDICTS = [
  fine('untouched', 'Not part of the exchange, and unchanged.'),
  fine('self', 'A self page: destination and source are one, and it is unchanged.'),
  fine('exact', 'Exchanged, and holds exactly what its partner held.'),
  fine('legitimate', 'Changed, as it has to or may.'),
  wrong('outsideSegments', 'A destination that belongs to no segment that kexec loaded.'),
  wrong('notCovered', 'A page of a segment that no exchange brings to its place.'),
  wrong('destinationTwice', 'A destination of several exchanges.'),
  wrong('sourceTwice', 'A source of several exchanges.'),
  wrong('outsideMemory', 'A page of the list that the machine does not have.'),
  wrong('exchangesOwn', 'A page that swap_pages itself works with is part of an exchange.'),
  wrong('notKexecs', 'A source that kexec has not allocated: it belongs to somebody else.'),
  wrong('missing', 'Does not hold what it held when its kernel left.'),
  wrong('changed', 'Changed, and nothing should have changed it.'),
  wrong('notExchanged', 'Holds what it held before: the exchange did not reach it.'),
  wrong('wrongContent', 'Holds neither what it should after the exchange nor what it held before.'),
] as const satisfies readonly AuditVerdict[];

export type AuditVerdictName = (typeof AUDIT_VERDICTS)[number]['name'];

/** Number of a verdict by its name. */
export const AUDIT_VERDICT = Object.fromEntries(AUDIT_VERDICTS.map(({ name }, number) => [name, number])) as Readonly<
  Record<AuditVerdictName, number>
>;

/** What is judged, in the order of a jump there and back. */
export const AUDIT_STAGES = ['list', 'swap', 'absence', 'swapBack', 'return'] as const;
export type AuditStage = (typeof AUDIT_STAGES)[number];
