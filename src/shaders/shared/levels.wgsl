// Coarse levels of detail: which Gaussians become one.
struct CoarsenParams {
    first: u32, // first Gaussian of the person
    fineCount: u32, // Gaussians of its finest level, which the others follow
    groupCount: u32,
}

struct LevelGroup {
    anchor: u32, // Gaussian whose place on the head and whose delta the coarse one takes
    first: u32,
    mask: u32, // bit i: Gaussian first + i is in the group
}
