/** The preflight of the session that runs. */
import { preflightNotPossible } from '../errors.ts';
import type { JumpSession } from '../jump/session.ts';
import { parseHibernateWish } from '../jump/hibernation.ts';
import { reportText } from '../preflight/report.ts';
import type { CustomRequests, HibernateWish } from '../protocol.ts';

/** @throws UserFacingError `preflight-not-possible` of a machine that the session did not boot. */
export async function preflight(
  session: JumpSession,
  hibernate: HibernateWish | undefined,
): Promise<CustomRequests['kexecJump/preflight']['body']> {
  const report = await session.preflight.report(session, hibernate && parseHibernateWish(hibernate));
  if (!report) throw preflightNotPossible();
  return { report, text: reportText(report), asks: session.preflight.asks };
}
