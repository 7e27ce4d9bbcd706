// Constants that more than one kernel needs; src/runtime/layout.ts states them too and a test compares.
const JointCount: u32 = 5u;
const DynamicFlag: u32 = 1u; // bits of a texel's flags
const TwoSidedFlag: u32 = 2u;
const ShellFlag: u32 = 4u; // of the second page
const OutsideFlag: u32 = 8u;
const InsideFlag: u32 = 16u;
const BucketCount: u32 = 65536u; // one per 16-bit depth key
const CulledKey: u32 = 0xffffffffu; // what a Gaussian gets that this view does not draw
const CrowdedSize: u32 = 256u; // a bucket with more records than this is ordered by sortCrowded instead of sortTies
const AlphaCut: f32 = 1.0 / 255.0; // below this a splat, or a fragment of one, adds nothing
const ShellCut: f32 = 1.0 / 8.0; // of its opacity: so faint a fragment of a shell's splat changes nothing that is seen
