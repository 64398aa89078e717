/** Bits of registers by name. Source: Intel SDM volume 1, section 3.4.3; volume 3, section 2.5; volume 4, IA32_EFER. */

/** Names from bit 0 on; a dot is a bit that is reserved or not of 32-bit kernels. */
const BITS: Readonly<Record<string, string>> = {
  eflags: 'CF . PF . AF . ZF SF TF IF DF OF IOPL0 IOPL1 NT . RF VM AC VIF VIP ID',
  cr0: 'PE MP EM TS ET NE . . . . . . . . . . WP . AM . . . . . . . . . . NW CD PG',
  cr4: 'VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP . VMXE . . . . OSXSAVE . SMEP SMAP',
  efer: 'SCE . . . . . . . LME . LMA NXE',
};

/** A register's value with the names of the bits that are set: `0x80050033 [PE MP ET NE WP AM PG]`. */
export function withBitNames(register: string, value: string): string {
  const names = BITS[register]?.split(' ');
  if (!names) return value;
  const number = BigInt(value);
  return `${value} [${names.filter((name, bit) => name !== '.' && (number >> BigInt(bit)) & 1n).join(' ')}]`;
}
