// The radix sort takes a key's 16 bits four at a time, lowest first. A workgroup owns a tile of consecutive records, a
// thread a run of them.
const RadixDigits: u32 = 4u;
const DigitBits: u32 = 4u;
const DigitCount: u32 = 16u;
const RadixThreads: u32 = 256u;
const KeysPerThread: u32 = 8u;
const RadixTileSize: u32 = 2048u; // RadixThreads * KeysPerThread
