/** What Babylon knows us by. Apart from the classes, so that registering on demand loads none of them. */

/** Name of the loader, and of its options in `pluginOptions`. */
export const PluginName = "flexavatar";

/** What the loader reads. */
export const FileExtensions = {
    /** The library's own files. */
    ".flexavatar": {
        /** They are bytes, not text. */
        isBinary: true,
    },
} as const;

/** Name of the avatars' part in `.babylon` files. */
export const SerializedName = "flexAvatars";
