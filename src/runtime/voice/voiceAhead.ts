/** How far a voice looks ahead. Apart from what hears, so that few load that. */

/** Frames of 10 ms that a live voice waits for before it judges one. */
export const LiveAhead = 2;
/** The same where sound is delayed or known beforehand; the network looks no further. */
export const BufferedAhead = 7;
