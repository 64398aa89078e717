/** The part of elfy that is used: file and program headers. Its section parsing is wrong for ELF64, so it is not declared. */
declare module 'elfy' {
  export interface ElfHeader {
    class: '32' | '64';
    machine: string | undefined;
    shoff: number;
    shnum: number;
  }
  export interface ElfProgram {
    type: string | undefined;
    offset: number;
    vaddr: number;
    paddr: number;
    filesz: number;
    memsz: number;
  }
  interface Parser {
    execute(bytes: Buffer): unknown;
    parseHeader(bytes: Buffer): ElfHeader;
    parsePrograms(bytes: Buffer, header: ElfHeader): ElfProgram[];
  }
  const elfy: { Parser: new () => Parser };
  export default elfy;
}
