/** Names of files of Gaussians that become avatars. */

/** Files that are read: "lam" is an avatar of LAM, a zip. */
export type SplatSource = "ply" | "splat" | "spz" | "lam";
/** All of them. */
export const SplatSources: readonly SplatSource[] = ["ply", "splat", "spz", "lam"];
