// Made from openapi.json by `npm run generate`. Changes here are lost.

export interface paths {
    "/api/v1/admin/breakers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the breakers of this process
         * @description An embedded Nova has that of its media alone.
         *
         *     Needs a token with the role `operator`.
         */
        get: operations["breakers_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List events that could not be projected, in order of position
         * @description Those behind them in their streams are there as well. The list goes on with `after` as the last item's position.
         *
         *     Needs a token with the role `operator`.
         */
        get: operations["dead_letters_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the jobs of this process, the latest first
         * @description It remembers the last hundred.
         *
         *     Needs a token with the role `operator`.
         */
        get: operations["jobs_list"];
        put?: never;
        /**
         * Start a job
         * @description It rebuilds a view, projects dead letters again, publishes parked events again, removes what unfinished uploads left behind, or verifies the log. A second job for the same thing is refused while the first one runs.
         *
         *     Needs a token with the role `operator`.
         */
        post: operations["jobs_start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a job of this process
         * @description Needs a token with the role `operator`.
         */
        get: operations["jobs_read"];
        put?: never;
        post?: never;
        /**
         * Break a job of this process off
         * @description What it has done stays done; a view that it was filling is removed, and the live one stays. A job that has ended stays as it is.
         *
         *     Needs a token with the role `operator`.
         */
        delete: operations["jobs_break_off"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/projections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the projections and how far they are
         * @description Needs a token with the role `operator`.
         */
        get: operations["projections_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/deletions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what was deleted, when, by whom and why, newest first
         * @description Needs a token with the role `auditor`.
         */
        get: operations["deletions_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the event log, in its order
         * @description Needs a token with the role `auditor`.
         */
        get: operations["events_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/comments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete a comment: its author, the author of the post, or a moderator
         * @description Needs the token of a registered account. The role `moderator` may do it as well.
         */
        delete: operations["comments_delete"];
        options?: never;
        head?: never;
        /**
         * Replace the text of one's own comment
         * @description Needs the token of a registered account.
         */
        patch: operations["comments_edit"];
        trace?: never;
    };
    "/api/v1/comments/{id}/like": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Like a comment
         * @description Again is no error.
         *
         *     Needs the token of a registered account.
         */
        put: operations["comments_like"];
        post?: never;
        /**
         * Take a like back
         * @description Needs the token of a registered account.
         */
        delete: operations["comments_unlike"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/comments/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Bring a deleted comment back
         * @description Needs the token of a registered account. The role `moderator` may do it as well.
         */
        post: operations["comments_restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the caller's conversations, the one with the newest message first
         * @description Needs a token.
         */
        get: operations["conversations_list"];
        put?: never;
        /**
         * Start a conversation
         * @description Two people have one direct conversation: starting it again finds it.
         *
         *     Needs the token of a registered account.
         */
        post: operations["conversations_start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a conversation
         * @description Needs a token.
         */
        get: operations["conversations_read"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Rename a group: its admins
         * @description Needs the token of a registered account.
         */
        patch: operations["conversations_rename"];
        trace?: never;
    };
    "/api/v1/conversations/{id}/delivered": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Say that a device has everything up to a seq
         * @description Marks only move forward, each device's for itself.
         *
         *     Needs the token of a registered account.
         */
        put: operations["conversations_mark_delivered"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/members/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Add someone to a group, or change their role: its admins
         * @description Needs the token of a registered account.
         */
        put: operations["conversations_put_member"];
        post?: never;
        /**
         * Take someone out of a group (its admins), or leave it
         * @description Needs the token of a registered account.
         */
        delete: operations["conversations_remove_member"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List messages in ascending order of their seq
         * @description The list goes on by `after_seq` or `before_seq`, not by a cursor.
         *
         *     Needs a token.
         */
        get: operations["messages_list"];
        put?: never;
        /**
         * Send a message
         * @description The answer's `revision` is its seq.
         *
         *     Needs the token of a registered account.
         */
        post: operations["messages_send"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages/{message}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Take a message back: its sender, or an admin of the group
         * @description Needs the token of a registered account.
         */
        delete: operations["messages_delete"];
        options?: never;
        head?: never;
        /**
         * Replace what one's own message says, within a day
         * @description Needs the token of a registered account.
         */
        patch: operations["messages_edit"];
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages/audio": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a voice message
         * @description Its upload is completed, if that has not been done. The answer's `revision` is its seq.
         *
         *     Needs the token of a registered account.
         */
        post: operations["messages_send_voice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages/audio/presigned-url": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Reserve the upload of a voice message, for an hour
         * @description It is audio of at most 5 MiB and 5 minutes.
         *
         *     Needs the token of a registered account.
         */
        post: operations["messages_reserve_voice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Say that everything up to a seq has been read
         * @description Marks only move forward.
         *
         *     Needs the token of a registered account.
         */
        put: operations["conversations_mark_read"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search messages in clear text that hold every word, best match first
         * @description Of those that match alike, the newer one comes first. Edited messages are found by what they say now, deleted ones not at all. `highlights` are parts of `text` as offsets in UTF-16 code units, from `start` up to, not including, `end`.
         *
         *     Needs a token.
         */
        get: operations["messages_search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/discover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Suggest people whom the caller may know
         * @description Needs a token.
         */
        get: operations["users_discover"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send client events for analysts
         * @description An event may arrive more than once, with the same id.
         *
         *     Needs a token.
         */
        post: operations["events_publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/feed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the ranked feed
         * @description Its first page freezes an order that the cursors go through.
         *
         *     Needs a token.
         */
        get: operations["feed_read"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/dependencies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what this process depends on, and how that is doing
         * @description Always 200: what is down here is not what answers.
         *
         *     No token is needed.
         */
        get: operations["dependencies_check"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check that the process answers
         * @description No token is needed.
         */
        get: operations["liveness_check"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check whether to send requests here
         * @description 503 says no, and `checks` why. A process that projects is ready while its views are current, one that takes commands while the log takes appends.
         *
         *     No token is needed.
         */
        get: operations["readiness_check"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/media/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a medium, with an address to get it from that is good for a few minutes
         * @description Needs a token.
         */
        get: operations["media_read"];
        put?: never;
        post?: never;
        /**
         * Delete what one uploaded
         * @description What a message or post carries goes with that, and not before.
         *
         *     Needs the token of a registered account.
         */
        delete: operations["media_delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message to the conversation named in the body
         * @description Needs the token of a registered account.
         */
        post: operations["messages_send_to"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish a post
         * @description Needs the token of a registered account.
         */
        post: operations["posts_publish"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a post
         * @description Needs a token.
         */
        get: operations["posts_read"];
        put?: never;
        post?: never;
        /**
         * Delete one's own post; a moderator deletes any
         * @description It can be restored for 30 days.
         *
         *     Needs the token of a registered account. The role `moderator` may do it as well.
         */
        delete: operations["posts_delete"];
        options?: never;
        head?: never;
        /**
         * Replace the text of one's own post
         * @description Needs the token of a registered account.
         */
        patch: operations["posts_edit"];
        trace?: never;
    };
    "/api/v1/posts/{id}/comments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the comments of a post, answers to comments among them, oldest first
         * @description Needs a token.
         */
        get: operations["comments_list"];
        put?: never;
        /**
         * Comment on a post
         * @description Needs the token of a registered account.
         */
        post: operations["comments_add"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/{id}/like": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Like a post
         * @description Again is no error.
         *
         *     Needs the token of a registered account.
         */
        put: operations["posts_like"];
        post?: never;
        /**
         * Take a like back
         * @description Needs the token of a registered account.
         */
        delete: operations["posts_unlike"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/{id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Bring a deleted post back
         * @description Needs the token of a registered account. The role `moderator` may do it as well.
         */
        post: operations["posts_restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/posts/batch-create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish up to 100 posts
         * @description Each succeeds or fails by itself.
         *
         *     Needs the token of a registered account.
         */
        post: operations["posts_publish_batch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Search posts that match every word, best match first
         * @description Needs a token.
         */
        get: operations["posts_search"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/storage/{folder}/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a medium, or a range of it, from the address that `GET /media/{id}` gave
         * @description No token is needed.
         */
        get: operations["media_fetch"];
        /**
         * Put what was reserved, with the headers that came with the address
         * @description Its length, type and checksum are signed.
         *
         *     No token is needed.
         */
        put: operations["media_store"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Open a stream of server-sent events
         * @description They are the frames of the WebSocket, of one conversation or of all.
         *
         *     Needs a token.
         */
        get: operations["stream_open"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what the caller and those they follow posted, newest first
         * @description Needs a token.
         */
        get: operations["timeline_read"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/trending": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List public posts of the last 48 hours by decayed engagement
         * @description Needs a token.
         */
        get: operations["trending_read"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Reserve an upload
         * @description The answer says where to PUT the bytes, without a token; complete it afterwards.
         *
         *     Needs the token of a registered account.
         */
        post: operations["media_reserve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/uploads/{id}/complete": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say that the bytes are there
         * @description They are looked at, and count from here on. Again is no error.
         *
         *     Needs the token of a registered account.
         */
        post: operations["media_complete"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open an account for the token's subject, or come back to one that was closed
         * @description Needs a token.
         */
        post: operations["users_register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a profile
         * @description Needs a token.
         */
        get: operations["users_read"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/block": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Block someone
         * @description Also ends the following between the two, both ways.
         *
         *     Needs the token of a registered account.
         */
        put: operations["users_block"];
        post?: never;
        /**
         * Stop blocking someone
         * @description Needs the token of a registered account.
         */
        delete: operations["users_unblock"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/dismiss": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Do not suggest someone to me
         * @description Again is no error, and they do not learn of it.
         *
         *     Needs the token of a registered account.
         */
        put: operations["users_dismiss"];
        post?: never;
        /**
         * Allow someone to be suggested to me again
         * @description Needs the token of a registered account.
         */
        delete: operations["users_undismiss"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/follow": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Follow someone
         * @description Again is no error.
         *
         *     Needs the token of a registered account.
         */
        put: operations["users_follow"];
        post?: never;
        /**
         * Stop following someone
         * @description Needs the token of a registered account.
         */
        delete: operations["users_unfollow"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/followers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List who follows someone, newest first
         * @description Needs a token.
         */
        get: operations["followers_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/following": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List whom someone follows, newest first
         * @description Needs a token.
         */
        get: operations["following_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/posts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what someone posted, as far as the caller may see it, newest first
         * @description Needs a token.
         */
        get: operations["posts_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the caller's own profile
         * @description Needs a token.
         */
        get: operations["users_read_me"];
        put?: never;
        post?: never;
        /**
         * Close the account
         * @description What it wrote is hidden until its owner registers again, and every other request and live session of it is refused until then, with 403 `account_deactivated`.
         *
         *     Needs the token of a registered account.
         */
        delete: operations["users_deactivate"];
        options?: never;
        head?: never;
        /**
         * Change the profile; what is left out stays
         * @description Needs the token of a registered account.
         */
        patch: operations["users_change_profile"];
        trace?: never;
    };
    "/api/v1/users/me/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List whom the caller blocks
         * @description Needs a token.
         */
        get: operations["blocks_list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Open a WebSocket for live events
         * @description The token goes into the header or, within a few seconds, into the first frame: `{"op": "auth", "token"}`.
         *
         *     Needs a token, in the header or in the first frame.
         */
        get: operations["websocket_open"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What a command answers. */
        Accepted: {
            /**
             * Format: uuid
             * @description The thing that the command was about.
             */
            id: string;
            /**
             * Format: int64
             * @description Where in the log it stands; a query with `after=` this sees it.
             */
            position: number;
            /**
             * Format: int64
             * @description The revision of its stream; of a message, its seq. Null when nothing ever happened to it, and for a message that is already as
             *     asked for.
             */
            revision?: number | null;
        };
        AddCommentBody: {
            /**
             * Format: uuid
             * @description The comment on the same post that it answers.
             */
            parent_comment_id?: string | null;
            text: string;
        };
        AuditedEvent: {
            /** @description `system`, or `{"user": id}`. */
            actor: Record<string, never>;
            /** Format: uuid */
            causation_id?: string | null;
            /** Format: uuid */
            command_id: string;
            /** Format: uuid */
            correlation_id: string;
            /** @description The part that is not personal. */
            data: Record<string, never>;
            /** Format: uuid */
            event_id: string;
            /** @example PostPublished */
            kind: string;
            /** Format: date-time */
            occurred_at: string;
            /** @description The personal part; null when there is none or it cannot be read. */
            personal?: Record<string, never> | null;
            personal_state: components["schemas"]["PersonalState"];
            /** Format: int64 */
            position: number;
            /** Format: date-time */
            recorded_at: string;
            /** Format: int64 */
            revision: number;
            /** Format: int32 */
            schema_version: number;
            /** @example post-0190c4a200007000800000000000abcd */
            stream: string;
            subjects: string[];
            traceparent?: string | null;
        };
        /** @description Who wrote it. */
        Author: {
            display_name: string;
            handle: string;
            /** Format: uuid */
            id: string;
        };
        /** @description `status` is what the post alone would have answered; with it comes the answer or the problem. */
        BatchResult: {
            accepted?: components["schemas"]["Accepted"] | null;
            problem?: Record<string, never> | null;
            /** Format: int32 */
            status: number;
        };
        BatchResults: {
            /**
             * Format: int64
             * @description Where in the log the last of them stands; a query with `after=` this sees all that were accepted.
             *     Null when none was.
             */
            position?: number | null;
            /** @description One for each post, in the order of the request. */
            results: components["schemas"]["BatchResult"][];
        };
        /** @description A breaker between this process and something it depends on. */
        BreakerOf: {
            /** @description Where that is. */
            address: string;
            /**
             * Format: int32
             * @description Closed: failures in a row. Half-open: successful probes in a row.
             */
            count: number;
            /** Format: int32 */
            failures_to_open: number;
            /**
             * Format: int64
             * @description How long it has been in this state.
             */
            for_ms: number;
            last_failure?: components["schemas"]["Failure"] | null;
            name: string;
            /** Format: int64 */
            open_ms: number;
            /**
             * Format: int64
             * @description How often it opened since the process started.
             */
            opened: number;
            /**
             * Format: int64
             * @description Calls that were not let through since the process started.
             */
            rejected: number;
            /**
             * Format: int64
             * @description No call is let through before; 0 when one would be.
             */
            retry_after_ms: number;
            /**
             * @description `closed` lets calls through, `open` does not, `half_open` lets one through at a time.
             * @example closed
             */
            state: string;
            /** Format: int32 */
            successes_to_close: number;
        };
        ChangeProfileBody: {
            /** @description An empty one takes it away. */
            bio?: string | null;
            display_name?: string | null;
            handle?: string | null;
        };
        Comment: {
            author: components["schemas"]["Author"];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            edited_at?: string | null;
            /** Format: uuid */
            id: string;
            /**
             * Format: int64
             * @description All likes, also of closed accounts and of people whom the viewer does not see.
             */
            like_count: number;
            liked_by_viewer: boolean;
            /**
             * Format: uuid
             * @description The comment it answers. It may have been deleted since.
             */
            parent_comment_id?: string | null;
            /** Format: uuid */
            post_id: string;
            text: string;
        };
        /**
         * @description More values may come.
         * @enum {string}
         */
        Condition: "up" | "down" | "not_ready";
        Conversation: {
            /** Format: uuid */
            id: string;
            /** @example direct */
            kind: string;
            /** @description The newest message that is not deleted. */
            last_message?: components["schemas"]["Message"] | null;
            /**
             * Format: int64
             * @description How far the viewer has read; null when they have not read anything.
             */
            last_read_seq?: number | null;
            /**
             * Format: int64
             * @description The highest seq there is; edits and deletions count. Null before the first message.
             */
            last_seq?: number | null;
            /** @description In the order they joined, then by id. */
            members: components["schemas"]["Member"][];
            title?: string | null;
            /**
             * Format: int64
             * @description Messages of others after `last_read_seq` that are not deleted.
             */
            unread_count: number;
        };
        /** @description An event that waits for an operator. */
        DeadLetter: {
            /** @description Why it could not be projected; for the ones behind it: that their stream is parked. */
            error: string;
            kind: string;
            /** Format: date-time */
            parked_at: string;
            /** Format: int64 */
            position: number;
            projection: string;
            stream: string;
        };
        Deletion: {
            /** Format: uuid */
            causation_id?: string | null;
            /** Format: uuid */
            correlation_id: string;
            /** Format: date-time */
            deleted_at: string;
            /**
             * Format: uuid
             * @description Null when Nova itself did it.
             */
            deleted_by?: string | null;
            entity: components["schemas"]["Entity"];
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            owner_id: string;
            /**
             * Format: int64
             * @description The position of the deletion in the log.
             */
            position: number;
            reason?: string | null;
            /** Format: date-time */
            restored_at?: string | null;
        };
        DeliveredBody: {
            /** @description The client's own name for the device, the same each time; at most 128 bytes. Only its keyed hash is kept. */
            device_id: string;
            /** Format: int64 */
            seq: number;
        };
        Dependencies: {
            dependencies: components["schemas"]["Dependency"][];
            status: components["schemas"]["Condition"];
        };
        Dependency: {
            /**
             * @description Between this process and it: `closed` lets questions through, `open` does not, `half_open` lets one through at a
             *     time.
             * @example closed
             */
            breaker?: string | null;
            /** @description In words, for people. */
            detail: string;
            /**
             * @description What is wrong now, or (with `status` up) what was wrong last.
             * @example timeout
             */
            error_class?: string | null;
            /**
             * Format: double
             * @description How long it took to find out.
             */
            latency_ms?: number | null;
            /** @example views */
            name: string;
            /** @description Without it nothing works; without another one answers come from elsewhere, and say so. */
            required: boolean;
            status: components["schemas"]["Condition"];
        };
        EditBody: {
            device_id?: string | null;
            encrypted_content?: string | null;
            nonce?: string | null;
            text?: string | null;
        };
        /**
         * @description More values may come.
         * @enum {string}
         */
        Entity: "user" | "post" | "comment" | "message";
        EventBody: {
            /**
             * Format: date-time
             * @description When it happened; now when it is not given.
             */
            at?: string | null;
            /**
             * Format: uuid
             * @description The same id is the same event, however often it is sent. Made when it is not given; the same again for the same
             *     `Idempotency-Key`.
             */
            id?: string | null;
            /**
             * @description `impression`, `view`, `click`, `dwell`, `scroll`, `expand`, `play`, `pause`, `complete`, `share`, `hide`, `open`
             *     or `close`.
             * @example impression
             */
            kind: string;
            /** @description Numbers, truth values and words of `a-z 0-9 _ . -`; no text that someone wrote. */
            properties?: Record<string, never>;
            /** Format: uuid */
            session_id?: string | null;
            /** @description `{"type": "post" | "comment" | "user" | "conversation" | "message" | "media", "id"}`. */
            subject?: Record<string, never> | null;
        };
        /** @description Part of the log. */
        EventPage: {
            /** Format: date-time */
            as_of: string;
            degraded: boolean;
            /**
             * Format: int64
             * @description The head of the log.
             */
            head: number;
            items: components["schemas"]["AuditedEvent"][];
            /** @description The `after` to go on with; null at the head of the log. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Everything up to here has been looked at.
             */
            position: number;
            /** @example log */
            source: string;
        };
        /** @description How many were accepted: all of them. */
        EventsAccepted: {
            /** Format: int64 */
            accepted: number;
            /** @description They wait on disk, since the transport is away. They are not lost. */
            queued: boolean;
        };
        EventsBody: {
            events: components["schemas"]["EventBody"][];
        };
        /** @description The latest failure of what a breaker stands before. */
        Failure: {
            /**
             * Format: int64
             * @description Milliseconds since the Unix epoch.
             */
            at_ms: number;
            /** @example timeout */
            class: string;
        };
        FeedItem: {
            author: components["schemas"]["Author"];
            /**
             * Format: int64
             * @description Comments that are not deleted, answers to comments included, by the rule of `like_count`.
             */
            comment_count: number;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            edited_at?: string | null;
            /** Format: uuid */
            id: string;
            /**
             * Format: int64
             * @description All likes, also of closed accounts and of people whom the viewer does not see.
             */
            like_count: number;
            liked_by_viewer: boolean;
            media: components["schemas"]["MediaRef"][];
            reason: components["schemas"]["FeedReason"];
            /**
             * Format: double
             * @description Between 0 and 1 with the weights that Nova comes with; see `ranking`.
             */
            score: number;
            /** Format: int64 */
            share_count: number;
            /** @description Empty when the author's data has been erased. */
            text: string;
            /** @example public */
            visibility: string;
        };
        /**
         * @description Why a post is in someone's feed; the first that applies. More values may come.
         * @enum {string}
         */
        FeedReason: "following" | "affinity" | "trending";
        /** @description What is wrong with one field of a request. */
        FieldError: {
            /** @example required */
            code: string;
            detail: string;
            /** @description The path of the field, such as `members[2]`; a parameter's or a header's name. */
            field: string;
        };
        Health: {
            status: components["schemas"]["Condition"];
        };
        /**
         * @description A part of a text: from `start` up to, not including, `end`, counted in UTF-16 code units as strings are in
         *     JavaScript, so `text.slice(start, end)` is what was found. Offsets rather than marked-up text: there is nothing to
         *     escape, and nothing in a message can pass for a mark.
         */
        Highlight: {
            /** Format: int64 */
            end: number;
            /** Format: int64 */
            start: number;
        };
        /** @description A job of an operator. */
        Job: {
            /**
             * Format: int64
             * @description How much is done, of `total`: events, or segments where a log of files is verified.
             */
            done: number;
            /** Format: date-time */
            ended_at?: string | null;
            /** @description Of a job that failed. */
            error?: string | null;
            /** Format: uuid */
            id: string;
            kind: components["schemas"]["JobKind"];
            /** @description Of a job that is done. */
            outcome?: components["schemas"]["JobOutcome"] | null;
            projection?: string | null;
            /** @description Why it was started. */
            reason: string;
            /** Format: date-time */
            started_at: string;
            /**
             * Format: uuid
             * @description The operator who started it.
             */
            started_by: string;
            state: components["schemas"]["JobState"];
            stream?: string | null;
            /**
             * Format: int64
             * @description 0 while it is not known.
             */
            total: number;
        };
        /**
         * @description More values may come.
         * @enum {string}
         */
        JobKind: "rebuild" | "redrive" | "redrive_outbox" | "sweep_media" | "verify_log";
        /** @description What a job came to. */
        JobOutcome: {
            /** @description The same as numbers, by what was counted. */
            numbers: {
                [key: string]: number;
            };
            /**
             * @description In words, for people.
             * @example rebuilt posts from 1042 events in 0.1 s
             */
            summary: string;
        };
        /**
         * @description More values may come.
         * @enum {string}
         */
        JobState: "running" | "done" | "failed";
        /** @description Part of a list. */
        ListOf_BreakerOf: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["BreakerOf"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Comment: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["Comment"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Conversation: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["Conversation"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_DeadLetter: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["DeadLetter"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Deletion: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["Deletion"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_FeedItem: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["FeedItem"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Job: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["Job"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Message: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["Message"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_MessageHit: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["MessageHit"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_PostCard: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["PostCard"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Profile: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["Profile"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        /** @description Part of a list. */
        ListOf_Projection: {
            /**
             * Format: date-time
             * @description The answer holds what was known at this time.
             */
            as_of: string;
            /** @description A better source should have answered. */
            degraded: boolean;
            items: components["schemas"]["Projection"][];
            /** @description Goes on with the list; null at its end. */
            next_cursor?: string | null;
            /**
             * @description Which source answered.
             * @example sqlite
             */
            source: string;
        };
        MediaRef: {
            /** Format: uuid */
            id: string;
            kind: string;
            url: string;
        };
        /** @description A medium, and where to get it. */
        Medium: {
            /** Format: int64 */
            content_length: number;
            content_type: string;
            /**
             * Format: int64
             * @description How long it plays; of audio.
             */
            duration_ms?: number | null;
            /**
             * Format: int64
             * @description In seconds.
             */
            expires_in: number;
            /** Format: uuid */
            id: string;
            /** @description `audio`, `image` or `video`. */
            kind: string;
            /** Format: uuid */
            owner_id: string;
            /** @description Of the bytes, in hexadecimal. */
            sha256: string;
            /** @description GET it there, without a token. */
            url: string;
            /** @description How loud a voice message is over its time, from 0 to 255. */
            waveform?: number[] | null;
        };
        Member: {
            /**
             * Format: int64
             * @description How far any of their devices has received what was said; null when none has said so. What was read was received
             *     as well, whether or not a device said so: the state of a message is told by the higher of the two.
             */
            delivered_seq?: number | null;
            /** Format: date-time */
            joined_at: string;
            /**
             * Format: int64
             * @description How far they have read; null when they have not read anything, and in a direct conversation while one of the two
             *     blocks the other.
             */
            last_read_seq?: number | null;
            /**
             * @description `admin` also of the member who acts as the admin of a group whose admins have all closed their accounts: the one
             *     with an open account who has been in it longest.
             * @example member
             */
            role: string;
            /** Format: uuid */
            user_id: string;
        };
        MemberBody: {
            /** @description `member` or `admin`. Left out: a newcomer is a member, a member stays what they are. */
            role?: string | null;
        };
        Message: {
            /** Format: uuid */
            conversation_id: string;
            /** Format: date-time */
            created_at: string;
            /** @description What it said is gone then; its place stays. */
            deleted: boolean;
            /** Format: date-time */
            edited_at?: string | null;
            encrypted_content?: string | null;
            /** Format: uuid */
            id: string;
            media?: components["schemas"]["MediaRef"] | null;
            /** @example text */
            message_type: string;
            nonce?: string | null;
            /** Format: uuid */
            reply_to?: string | null;
            /** Format: uuid */
            sender_id: string;
            /**
             * Format: int64
             * @description Its place in the conversation. Edits and deletions take a seq too, so a list has gaps.
             */
            seq: number;
            text?: string | null;
        };
        /** @description A message that a search found. */
        MessageHit: {
            /** Format: uuid */
            conversation_id: string;
            /** Format: date-time */
            created_at: string;
            /** @description What it said is gone then; its place stays. */
            deleted: boolean;
            /** Format: date-time */
            edited_at?: string | null;
            encrypted_content?: string | null;
            /** @description Where in `text` the words stand, in order and apart from each other; at most 100. */
            highlights: components["schemas"]["Highlight"][];
            /** Format: uuid */
            id: string;
            media?: components["schemas"]["MediaRef"] | null;
            /** @example text */
            message_type: string;
            nonce?: string | null;
            /** Format: uuid */
            reply_to?: string | null;
            /** Format: uuid */
            sender_id: string;
            /**
             * Format: int64
             * @description Its place in the conversation. Edits and deletions take a seq too, so a list has gaps.
             */
            seq: number;
            text?: string | null;
        };
        /**
         * @description More values may come.
         * @enum {string}
         */
        PersonalState: "absent" | "clear" | "redacted" | "damaged";
        /** @description A post, as one viewer sees it. */
        PostCard: {
            author: components["schemas"]["Author"];
            /**
             * Format: int64
             * @description Comments that are not deleted, answers to comments included, by the rule of `like_count`.
             */
            comment_count: number;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            edited_at?: string | null;
            /** Format: uuid */
            id: string;
            /**
             * Format: int64
             * @description All likes, also of closed accounts and of people whom the viewer does not see.
             */
            like_count: number;
            liked_by_viewer: boolean;
            media: components["schemas"]["MediaRef"][];
            /** Format: int64 */
            share_count: number;
            /** @description Empty when the author's data has been erased. */
            text: string;
            /** @example public */
            visibility: string;
        };
        /** @description Where to put it, and how. */
        PresignedUpload: {
            /**
             * Format: int64
             * @description In seconds.
             */
            expires_in: number;
            headers: {
                [key: string]: string;
            };
            method: string;
            /** Format: int64 */
            position: number;
            /** @description PUT the bytes there, with exactly these headers. */
            presigned_url: string;
            s3_key: string;
            /**
             * Format: uuid
             * @description Also the id of the medium.
             */
            upload_id: string;
        };
        /** @description The body of an error. Written by hand-picked fields so that nothing else can slip in. */
        Problem: {
            /**
             * @description Stable; for programs.
             * @example validation_failed
             */
            code: string;
            /**
             * Format: uuid
             * @description Ties the answer to Nova's own records of the request.
             */
            correlation_id: string;
            /** @description For people. */
            detail: string;
            errors?: components["schemas"]["FieldError"][];
            /**
             * Format: int32
             * @example 422
             */
            status: number;
            /**
             * @description The status in words.
             * @example Unprocessable Entity
             */
            title: string;
            /** @description Names the kind of problem: `urn:nova:problem:` and the code. */
            type: string;
        };
        Profile: {
            bio?: string | null;
            /** Format: date-time */
            created_at: string;
            display_name: string;
            followed_by_viewer: boolean;
            /**
             * Format: int64
             * @description All followers, also closed accounts and people whom the viewer does not see: lists leave those out.
             */
            follower_count: number;
            /**
             * Format: int64
             * @description All who are followed, as `follower_count` counts.
             */
            following_count: number;
            follows_viewer: boolean;
            handle: string;
            /** Format: uuid */
            id: string;
            /**
             * Format: int64
             * @description Posts that are not deleted, whatever their visibility.
             */
            post_count: number;
        };
        /** @description A projection and how far it is behind the log. */
        Projection: {
            /** Format: int64 */
            dead_letters: number;
            /**
             * Format: int64
             * @description Counts the rebuilds.
             */
            generation: number;
            /**
             * Format: int64
             * @description Events between it and the head of the log.
             */
            lag: number;
            name: string;
            /**
             * Format: int64
             * @description Streams that are parked.
             */
            parked_streams: number;
            /**
             * Format: int64
             * @description How far the live view is.
             */
            position: number;
            /**
             * Format: int64
             * @description How far a rebuild is, when one is going on.
             */
            rebuilding?: number | null;
        };
        PublishBatchBody: {
            posts: components["schemas"]["PublishBody"][];
        };
        PublishBody: {
            media_ids?: string[];
            text: string;
            /**
             * @description `public` (the default), `followers` or `private`.
             * @example public
             */
            visibility?: string;
        };
        ReadBody: {
            /** Format: int64 */
            seq: number;
        };
        Readiness: {
            /**
             * Format: int64
             * @description How far the views are.
             */
            applied: number;
            /** @description Everything that was looked at, one by one. */
            checks: components["schemas"]["ReadyCheck"][];
            /** @description Live sessions are being sent away. */
            draining: boolean;
            /**
             * Format: int64
             * @description The head of the log.
             */
            head: number;
            status: components["schemas"]["Condition"];
        };
        ReadyCheck: {
            /** @description In words, for people. */
            detail: string;
            /** @example projection/posts */
            name: string;
            /** @description Whether this process is not ready without it. */
            required: boolean;
            status: components["schemas"]["Condition"];
        };
        /** @description Why something is deleted: the optional body of every DELETE. */
        ReasonBody: {
            /** @description At most 1,000 bytes. */
            reason?: string | null;
        };
        RegisterBody: {
            bio?: string | null;
            display_name: string;
            /** @description 3 to 30 of a-z, 0-9 and _. */
            handle: string;
        };
        RenameBody: {
            title: string;
        };
        /** @description Either `text`, or `encrypted_content` with its `nonce`, which the server stores as they come. */
        SendBody: {
            client_message_id?: string | null;
            device_id?: string | null;
            encrypted_content?: string | null;
            /** Format: uuid */
            media_id?: string | null;
            /** @example text */
            message_type?: string | null;
            nonce?: string | null;
            /**
             * Format: uuid
             * @description A message of the same conversation.
             */
            reply_to?: string | null;
            text?: string | null;
        };
        /** @description The same with the conversation in the body. */
        SendToBody: {
            client_message_id?: string | null;
            /** Format: uuid */
            conversation_id: string;
            device_id?: string | null;
            encrypted_content?: string | null;
            /** Format: uuid */
            media_id?: string | null;
            message_type?: string | null;
            nonce?: string | null;
            /** Format: uuid */
            reply_to?: string | null;
            text?: string | null;
        };
        StartBody: {
            /**
             * @description `direct` or `group`.
             * @example direct
             */
            kind: string;
            /** @description The others: exactly one for `direct`, at most 499 for `group`. */
            members: string[];
            /** @description For groups; at most 200 bytes. */
            title?: string | null;
        };
        StartJobBody: {
            kind: components["schemas"]["JobKind"];
            /** @description Of `rebuild` and `redrive`, as the list of projections names it. */
            projection?: string | null;
            /** @description Why; it goes to the server log with the operator's id. */
            reason: string;
            /** @description Of `redrive` and `redrive_outbox`: only this stream. */
            stream?: string | null;
        };
        TextBody: {
            text: string;
        };
        /** @description What is to be uploaded: exactly this. */
        UploadBody: {
            /**
             * Format: int64
             * @description In bytes: at most 5 MiB of audio, 10 MiB of a picture, 100 MiB of video.
             */
            content_length: number;
            /**
             * @description `audio/ogg`, `audio/webm`, `audio/mp4`, `audio/mpeg`, `image/jpeg`, `image/png`, `image/webp`, `image/gif`, `video/mp4` or
             *     `video/webm`.
             */
            content_type: string;
            /**
             * @description `audio`, `image` or `video`; as the content type says.
             * @example image
             */
            kind?: string | null;
            /** @description SHA-256 of the bytes, in hexadecimal or base64. */
            sha256: string;
        };
        VoiceBody: {
            client_message_id?: string | null;
            /**
             * Format: int64
             * @description How long it plays, within two seconds (or a tenth) of what its container says.
             */
            duration_ms: number;
            /** Format: uuid */
            reply_to?: string | null;
            /** Format: uuid */
            upload_id: string;
            /**
             * @description At most 100 samples of how loud it is: whole numbers from 0 to 255. Or fractions from 0 to 1, of which at least one
             *     is no whole number: `[0, 1, 1, 0]` is nearly silent. A mixture of the two is refused.
             */
            waveform?: number[];
        };
    };
    responses: {
        /** @description Bad Request */
        Problem400: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unauthorized */
        Problem401: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Forbidden */
        Problem403: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not Found */
        Problem404: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Request Timeout */
        Problem408: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Conflict */
        Problem409: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Gone */
        Problem410: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Length Required */
        Problem411: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Payload Too Large */
        Problem413: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unsupported Media Type */
        Problem415: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Range Not Satisfiable */
        Problem416: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Misdirected Request */
        Problem421: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unprocessable Entity */
        Problem422: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Upgrade Required */
        Problem426: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too Many Requests */
        Problem429: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Internal Server Error */
        Problem500: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Service Unavailable */
        Problem503: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Gateway Timeout */
        Problem504: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: {
        /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
        After: number;
        /** @description The `next_cursor` of the page before. */
        Cursor: string;
        /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
        IdempotencyKey: string;
        /** @description How many items. */
        Limit: number;
        /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
        Timeout: number;
    };
    requestBodies: never;
    headers: {
        /** @description The answer holds what was known at this time. */
        AsOf: string;
        /** @description `true` when a better source should have answered; absent otherwise. */
        Degraded: string;
        /** @description The `position` of the body. */
        Position: number;
        /** @description Seconds after which to try again. */
        RetryAfter: number;
        /** @description The source that answered. */
        Source: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    breakers_list: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "address": "/var/lib/nova",
                     *           "count": 0,
                     *           "failures_to_open": 5,
                     *           "for_ms": 60000,
                     *           "last_failure": null,
                     *           "name": "media",
                     *           "open_ms": 5000,
                     *           "opened": 0,
                     *           "rejected": 0,
                     *           "retry_after_ms": 0,
                     *           "state": "closed",
                     *           "successes_to_close": 1
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "views"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_BreakerOf"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    dead_letters_list: {
        parameters: {
            query?: {
                /** @description Those behind this position. */
                after?: number;
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
                /** @description Those of this projection; without it, of all. */
                projection?: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [],
                     *       "next_cursor": null,
                     *       "source": "views"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_DeadLetter"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    jobs_list: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "done": 0,
                     *           "ended_at": "2026-01-31T12:00:00.000Z",
                     *           "id": "019c1400-7000-7000-8000-000000000058",
                     *           "kind": "redrive",
                     *           "outcome": {
                     *             "numbers": {
                     *               "events": 0,
                     *               "events_still_parked": 0,
                     *               "streams": 0
                     *             },
                     *             "summary": "0 events projected, 0 streams free again, 0 events still parked"
                     *           },
                     *           "projection": "conversations",
                     *           "reason": "the projection is mended",
                     *           "started_at": "2026-01-31T12:00:00.000Z",
                     *           "started_by": "019c1400-7000-7000-8000-000000000059",
                     *           "state": "done",
                     *           "total": 0
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "views"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Job"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    jobs_start: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "kind": "rebuild",
                 *       "projection": "posts",
                 *       "reason": "a page of its file was damaged"
                 *     }
                 */
                "application/json": components["schemas"]["StartJobBody"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "done": 0,
                     *       "id": "019c1400-7000-7000-8000-000000000062",
                     *       "kind": "rebuild",
                     *       "projection": "posts",
                     *       "reason": "a page of its file was damaged",
                     *       "started_at": "2026-01-31T12:00:00.000Z",
                     *       "started_by": "019c1400-7000-7000-8000-000000000063",
                     *       "state": "running",
                     *       "total": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    jobs_read: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the job. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "done": 0,
                     *       "ended_at": "2026-01-31T12:00:00.000Z",
                     *       "id": "019c1400-7000-7000-8000-000000000060",
                     *       "kind": "redrive",
                     *       "outcome": {
                     *         "numbers": {
                     *           "events": 0,
                     *           "events_still_parked": 0,
                     *           "streams": 0
                     *         },
                     *         "summary": "0 events projected, 0 streams free again, 0 events still parked"
                     *       },
                     *       "projection": "conversations",
                     *       "reason": "the projection is mended",
                     *       "started_at": "2026-01-31T12:00:00.000Z",
                     *       "started_by": "019c1400-7000-7000-8000-000000000061",
                     *       "state": "done",
                     *       "total": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    jobs_break_off: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the job. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "done": 0,
                     *       "ended_at": "2026-01-31T12:00:00.000Z",
                     *       "id": "019c1400-7000-7000-8000-000000000056",
                     *       "kind": "redrive",
                     *       "outcome": {
                     *         "numbers": {
                     *           "events": 0,
                     *           "events_still_parked": 0,
                     *           "streams": 0
                     *         },
                     *         "summary": "0 events projected, 0 streams free again, 0 events still parked"
                     *       },
                     *       "projection": "conversations",
                     *       "reason": "the projection is mended",
                     *       "started_at": "2026-01-31T12:00:00.000Z",
                     *       "started_by": "019c1400-7000-7000-8000-000000000057",
                     *       "state": "done",
                     *       "total": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Job"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    projections_list: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "dead_letters": 0,
                     *           "generation": 1,
                     *           "lag": 0,
                     *           "name": "profiles",
                     *           "parked_streams": 0,
                     *           "position": 1,
                     *           "rebuilding": null
                     *         },
                     *         {
                     *           "dead_letters": 0,
                     *           "generation": 2,
                     *           "lag": 0,
                     *           "name": "posts",
                     *           "parked_streams": 0,
                     *           "position": 2,
                     *           "rebuilding": null
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "views"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Projection"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    deletions_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description Those in force at this time (RFC 3339): deleted by then, and not restored by then. */
                as_of?: string;
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description Those by this account. */
                deleted_by?: string;
                /** @description `user`, `post`, `comment` or `message`. */
                entity?: string;
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "causation_id": null,
                     *           "correlation_id": "019c1400-7000-7000-8000-000000000034",
                     *           "deleted_at": "2026-01-31T12:00:00.000Z",
                     *           "deleted_by": "019c1400-7000-7000-8000-000000000035",
                     *           "entity": "user",
                     *           "id": "019c1400-7000-7000-8000-000000000035",
                     *           "owner_id": "019c1400-7000-7000-8000-000000000035",
                     *           "position": 1,
                     *           "reason": null,
                     *           "restored_at": null
                     *         },
                     *         {
                     *           "causation_id": null,
                     *           "correlation_id": "019c1400-7000-7000-8000-000000000036",
                     *           "deleted_at": "2026-01-31T12:00:00.000Z",
                     *           "deleted_by": "019c1400-7000-7000-8000-000000000037",
                     *           "entity": "user",
                     *           "id": "019c1400-7000-7000-8000-000000000037",
                     *           "owner_id": "019c1400-7000-7000-8000-000000000037",
                     *           "position": 2,
                     *           "reason": null,
                     *           "restored_at": null
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Deletion"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    events_list: {
        parameters: {
            query?: {
                /** @description Those behind this position; 0: from the start. */
                after?: number;
                /** @description Only those of streams of this category, such as `post`. */
                category?: string;
                /** @description Only those of this type, such as `PostPublished`. */
                kind?: string;
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "head": 1042,
                     *       "items": [
                     *         {
                     *           "actor": {
                     *             "user": "019c1400-7000-7000-8000-000000000038"
                     *           },
                     *           "causation_id": null,
                     *           "command_id": "019c1400-7000-7000-8000-000000000039",
                     *           "correlation_id": "019c1400-7000-7000-8000-000000000040",
                     *           "data": {
                     *             "handle_key": "019c1400700070008000000000000041",
                     *             "user_id": "019c1400-7000-7000-8000-000000000038"
                     *           },
                     *           "event_id": "019c1400-7000-7000-8000-000000000039",
                     *           "kind": "UserRegistered",
                     *           "occurred_at": "2026-01-31T12:00:00.000Z",
                     *           "personal": {
                     *             "display_name": "Person 42",
                     *             "handle": "person_43"
                     *           },
                     *           "personal_state": "clear",
                     *           "position": 1,
                     *           "recorded_at": "2026-01-31T12:00:00.000Z",
                     *           "revision": 0,
                     *           "schema_version": 1,
                     *           "stream": "user-019c1400700070008000000000000038",
                     *           "subjects": [
                     *             "019c1400-7000-7000-8000-000000000038"
                     *           ],
                     *           "traceparent": null
                     *         },
                     *         {
                     *           "actor": {
                     *             "user": "019c1400-7000-7000-8000-000000000038"
                     *           },
                     *           "causation_id": null,
                     *           "command_id": "019c1400-7000-7000-8000-000000000039",
                     *           "correlation_id": "019c1400-7000-7000-8000-000000000040",
                     *           "data": {
                     *             "user_id": "019c1400-7000-7000-8000-000000000038"
                     *           },
                     *           "event_id": "019c1400-7000-7000-8000-000000000044",
                     *           "kind": "HandleClaimed",
                     *           "occurred_at": "2026-01-31T12:00:00.000Z",
                     *           "personal": null,
                     *           "personal_state": "absent",
                     *           "position": 2,
                     *           "recorded_at": "2026-01-31T12:00:00.000Z",
                     *           "revision": 0,
                     *           "schema_version": 1,
                     *           "stream": "handle-019c1400700070008000000000000041",
                     *           "subjects": [
                     *             "019c1400-7000-7000-8000-000000000038"
                     *           ],
                     *           "traceparent": null
                     *         }
                     *       ],
                     *       "next_cursor": "2",
                     *       "position": 2,
                     *       "source": "log"
                     *     }
                     */
                    "application/json": components["schemas"]["EventPage"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    comments_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the comment. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "posted twice"
                 *     }
                 */
                "application/json": components["schemas"]["ReasonBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000005",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    comments_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the comment. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "Good morning from the harbour"
                 *     }
                 */
                "application/json": components["schemas"]["TextBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000006",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    comments_like: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the comment. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000007",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    comments_unlike: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the comment. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000014",
                     *       "position": 1042,
                     *       "revision": null
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    comments_restore: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the comment. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000013",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "id": "019c1400-7000-7000-8000-000000000015",
                     *           "kind": "group",
                     *           "last_message": {
                     *             "conversation_id": "019c1400-7000-7000-8000-000000000015",
                     *             "created_at": "2026-01-31T12:00:00.000Z",
                     *             "deleted": false,
                     *             "edited_at": null,
                     *             "encrypted_content": null,
                     *             "id": "019c1400-7000-7000-8000-000000000016",
                     *             "media": null,
                     *             "message_type": "text",
                     *             "nonce": null,
                     *             "reply_to": null,
                     *             "sender_id": "019c1400-7000-7000-8000-000000000017",
                     *             "seq": 0,
                     *             "text": "a message"
                     *           },
                     *           "last_read_seq": null,
                     *           "last_seq": 0,
                     *           "members": [
                     *             {
                     *               "delivered_seq": null,
                     *               "joined_at": "2026-01-31T12:00:00.000Z",
                     *               "last_read_seq": null,
                     *               "role": "admin",
                     *               "user_id": "019c1400-7000-7000-8000-000000000017"
                     *             },
                     *             {
                     *               "delivered_seq": null,
                     *               "joined_at": "2026-01-31T12:00:00.000Z",
                     *               "last_read_seq": null,
                     *               "role": "member",
                     *               "user_id": "019c1400-7000-7000-8000-000000000018"
                     *             },
                     *             {
                     *               "delivered_seq": null,
                     *               "joined_at": "2026-01-31T12:00:00.000Z",
                     *               "last_read_seq": null,
                     *               "role": "member",
                     *               "user_id": "019c1400-7000-7000-8000-000000000019"
                     *             }
                     *           ],
                     *           "title": "the group",
                     *           "unread_count": 1
                     *         },
                     *         {
                     *           "id": "019c1400-7000-7000-8000-000000000020",
                     *           "kind": "group",
                     *           "last_message": {
                     *             "conversation_id": "019c1400-7000-7000-8000-000000000020",
                     *             "created_at": "2026-01-31T12:00:00.000Z",
                     *             "deleted": false,
                     *             "edited_at": null,
                     *             "encrypted_content": null,
                     *             "id": "019c1400-7000-7000-8000-000000000021",
                     *             "media": null,
                     *             "message_type": "text",
                     *             "nonce": null,
                     *             "reply_to": null,
                     *             "sender_id": "019c1400-7000-7000-8000-000000000017",
                     *             "seq": 0,
                     *             "text": "a message"
                     *           },
                     *           "last_read_seq": null,
                     *           "last_seq": 0,
                     *           "members": [
                     *             {
                     *               "delivered_seq": null,
                     *               "joined_at": "2026-01-31T12:00:00.000Z",
                     *               "last_read_seq": null,
                     *               "role": "admin",
                     *               "user_id": "019c1400-7000-7000-8000-000000000017"
                     *             },
                     *             {
                     *               "delivered_seq": null,
                     *               "joined_at": "2026-01-31T12:00:00.000Z",
                     *               "last_read_seq": null,
                     *               "role": "member",
                     *               "user_id": "019c1400-7000-7000-8000-000000000018"
                     *             },
                     *             {
                     *               "delivered_seq": null,
                     *               "joined_at": "2026-01-31T12:00:00.000Z",
                     *               "last_read_seq": null,
                     *               "role": "member",
                     *               "user_id": "019c1400-7000-7000-8000-000000000019"
                     *             }
                     *           ],
                     *           "title": "the group",
                     *           "unread_count": 1
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Conversation"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_start: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "kind": "direct",
                 *       "members": [
                 *         "019c1400-7000-7000-8000-000000000033"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["StartBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000032",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_read: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-As-Of": components["headers"]["AsOf"];
                    "Nova-Degraded": components["headers"]["Degraded"];
                    "Nova-Source": components["headers"]["Source"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000025",
                     *       "kind": "group",
                     *       "last_message": {
                     *         "conversation_id": "019c1400-7000-7000-8000-000000000025",
                     *         "created_at": "2026-01-31T12:00:00.000Z",
                     *         "deleted": false,
                     *         "edited_at": null,
                     *         "encrypted_content": null,
                     *         "id": "019c1400-7000-7000-8000-000000000026",
                     *         "media": null,
                     *         "message_type": "text",
                     *         "nonce": null,
                     *         "reply_to": null,
                     *         "sender_id": "019c1400-7000-7000-8000-000000000027",
                     *         "seq": 0,
                     *         "text": "a message"
                     *       },
                     *       "last_read_seq": null,
                     *       "last_seq": 0,
                     *       "members": [
                     *         {
                     *           "delivered_seq": null,
                     *           "joined_at": "2026-01-31T12:00:00.000Z",
                     *           "last_read_seq": null,
                     *           "role": "admin",
                     *           "user_id": "019c1400-7000-7000-8000-000000000027"
                     *         },
                     *         {
                     *           "delivered_seq": null,
                     *           "joined_at": "2026-01-31T12:00:00.000Z",
                     *           "last_read_seq": null,
                     *           "role": "member",
                     *           "user_id": "019c1400-7000-7000-8000-000000000028"
                     *         },
                     *         {
                     *           "delivered_seq": null,
                     *           "joined_at": "2026-01-31T12:00:00.000Z",
                     *           "last_read_seq": null,
                     *           "role": "member",
                     *           "user_id": "019c1400-7000-7000-8000-000000000029"
                     *         }
                     *       ],
                     *       "title": "the group",
                     *       "unread_count": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Conversation"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_rename: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "title": "Harbour talk"
                 *     }
                 */
                "application/json": components["schemas"]["RenameBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000031",
                     *       "position": 1042,
                     *       "revision": 2
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_mark_delivered: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "device_id": "a phone",
                 *       "seq": 0
                 *     }
                 */
                "application/json": components["schemas"]["DeliveredBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000022",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_put_member: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
                /** @description An id or `@handle` */
                user: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "role": "member"
                 *     }
                 */
                "application/json": components["schemas"]["MemberBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000024",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_remove_member: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
                /** @description An id or `@handle` */
                user: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000030",
                     *       "position": 1042,
                     *       "revision": 2
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description Those with a higher seq; -1: from the start. */
                after_seq?: number;
                /** @description Those with a lower seq: the ones next to it. */
                before_seq?: number;
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "conversation_id": "019c1400-7000-7000-8000-000000000072",
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "deleted": false,
                     *           "edited_at": null,
                     *           "encrypted_content": null,
                     *           "id": "019c1400-7000-7000-8000-000000000073",
                     *           "media": null,
                     *           "message_type": "text",
                     *           "nonce": null,
                     *           "reply_to": null,
                     *           "sender_id": "019c1400-7000-7000-8000-000000000074",
                     *           "seq": 0,
                     *           "text": "a message"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Message"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_send: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "Good morning from the harbour"
                 *     }
                 */
                "application/json": components["schemas"]["SendBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000080",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
                /** @description The id of the message. */
                message: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "posted twice"
                 *     }
                 */
                "application/json": components["schemas"]["ReasonBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000070",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
                /** @description The id of the message. */
                message: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "Good morning from the harbour"
                 *     }
                 */
                "application/json": components["schemas"]["EditBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000071",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_send_voice: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "duration_ms": 1000,
                 *       "upload_id": "019c1400-7000-7000-8000-000000000064",
                 *       "waveform": [
                 *         0,
                 *         128,
                 *         255,
                 *         64
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["VoiceBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000083",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_reserve_voice: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "content_length": 319,
                 *       "content_type": "audio/ogg",
                 *       "sha256": "604d560d1aa4ca5590eee446656c98a6ca6ed0d93e3cb686fe09416f6662183c"
                 *     }
                 */
                "application/json": components["schemas"]["UploadBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "expires_in": 3600,
                     *       "headers": {
                     *         "content-length": "319",
                     *         "content-type": "audio/ogg",
                     *         "x-amz-checksum-sha256": "YE1WDRqkylWQ7uRGZWyYpspu0Nk+PLaG/glBb2ZiGDw="
                     *       },
                     *       "method": "PUT",
                     *       "position": 1042,
                     *       "presigned_url": "https://media.example.org/the-address-that-was-given",
                     *       "s3_key": "staging/019c1400700070008000000000000075",
                     *       "upload_id": "019c1400-7000-7000-8000-000000000076"
                     *     }
                     */
                    "application/json": components["schemas"]["PresignedUpload"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            421: components["responses"]["Problem421"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    conversations_mark_read: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "seq": 0
                 *     }
                 */
                "application/json": components["schemas"]["ReadBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000023",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_search: {
        parameters: {
            query: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
                /** @description Words, all of which must be there. */
                q: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the conversation. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "conversation_id": "019c1400-7000-7000-8000-000000000077",
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "deleted": false,
                     *           "edited_at": null,
                     *           "encrypted_content": null,
                     *           "highlights": [
                     *             {
                     *               "end": 9,
                     *               "start": 2
                     *             }
                     *           ],
                     *           "id": "019c1400-7000-7000-8000-000000000078",
                     *           "media": null,
                     *           "message_type": "text",
                     *           "nonce": null,
                     *           "reply_to": null,
                     *           "sender_id": "019c1400-7000-7000-8000-000000000079",
                     *           "seq": 0,
                     *           "text": "a message"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_MessageHit"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_discover: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "bio": null,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "display_name": "Person 42",
                     *           "followed_by_viewer": false,
                     *           "follower_count": 1,
                     *           "following_count": 0,
                     *           "follows_viewer": false,
                     *           "handle": "person_43",
                     *           "id": "019c1400-7000-7000-8000-000000000038",
                     *           "post_count": 0
                     *         },
                     *         {
                     *           "bio": null,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "display_name": "Person 108",
                     *           "followed_by_viewer": false,
                     *           "follower_count": 1,
                     *           "following_count": 0,
                     *           "follows_viewer": false,
                     *           "handle": "person_109",
                     *           "id": "019c1400-7000-7000-8000-000000000110",
                     *           "post_count": 0
                     *         }
                     *       ],
                     *       "next_cursor": "eyJvcGFxdWUiOnRydWV9",
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    events_publish: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "events": [
                 *         {
                 *           "kind": "view"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["EventsBody"];
            };
        };
        responses: {
            /** @description Accepted */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "accepted": 1,
                     *       "queued": false
                     *     }
                     */
                    "application/json": components["schemas"]["EventsAccepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            408: components["responses"]["Problem408"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    feed_read: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "author": {
                     *             "display_name": "Person 45",
                     *             "handle": "person_46",
                     *             "id": "019c1400-7000-7000-8000-000000000047"
                     *           },
                     *           "comment_count": 1,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "edited_at": null,
                     *           "id": "019c1400-7000-7000-8000-000000000048",
                     *           "like_count": 0,
                     *           "liked_by_viewer": false,
                     *           "media": [],
                     *           "reason": "trending",
                     *           "score": 0.25,
                     *           "share_count": 0,
                     *           "text": "a post",
                     *           "visibility": "public"
                     *         },
                     *         {
                     *           "author": {
                     *             "display_name": "Person 49",
                     *             "handle": "person_50",
                     *             "id": "019c1400-7000-7000-8000-000000000051"
                     *           },
                     *           "comment_count": 1,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "edited_at": null,
                     *           "id": "019c1400-7000-7000-8000-000000000052",
                     *           "like_count": 0,
                     *           "liked_by_viewer": false,
                     *           "media": [],
                     *           "reason": "trending",
                     *           "score": 0.25,
                     *           "share_count": 0,
                     *           "text": "a post",
                     *           "visibility": "public"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_FeedItem"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    dependencies_check: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "dependencies": [
                     *         {
                     *           "detail": "at position 1042, 0 events behind the log, whose head is at 1042",
                     *           "name": "views",
                     *           "required": true,
                     *           "status": "up"
                     *         },
                     *         {
                     *           "detail": "6 projections, 0 parked streams",
                     *           "name": "projections",
                     *           "required": true,
                     *           "status": "up"
                     *         }
                     *       ],
                     *       "status": "up"
                     *     }
                     */
                    "application/json": components["schemas"]["Dependencies"];
                };
            };
            400: components["responses"]["Problem400"];
            415: components["responses"]["Problem415"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            504: components["responses"]["Problem504"];
        };
    };
    liveness_check: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "up"
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
            400: components["responses"]["Problem400"];
            415: components["responses"]["Problem415"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            504: components["responses"]["Problem504"];
        };
    };
    readiness_check: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "applied": 1042,
                     *       "checks": [
                     *         {
                     *           "detail": "at position 1042, 0 behind the log",
                     *           "name": "projection/profiles",
                     *           "required": true,
                     *           "status": "up"
                     *         },
                     *         {
                     *           "detail": "at position 1042, 0 behind the log",
                     *           "name": "projection/posts",
                     *           "required": true,
                     *           "status": "up"
                     *         }
                     *       ],
                     *       "draining": false,
                     *       "head": 1042,
                     *       "status": "up"
                     *     }
                     */
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["Problem400"];
            415: components["responses"]["Problem415"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            /** @description Not ready: `checks` says why. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            504: components["responses"]["Problem504"];
        };
    };
    media_read: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description Answer with a redirect to the bytes. */
                redirect?: boolean;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the medium. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-As-Of": components["headers"]["AsOf"];
                    "Nova-Degraded": components["headers"]["Degraded"];
                    "Nova-Source": components["headers"]["Source"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "content_length": 957,
                     *       "content_type": "image/png",
                     *       "duration_ms": null,
                     *       "expires_in": 300,
                     *       "id": "019c1400-7000-7000-8000-000000000066",
                     *       "kind": "image",
                     *       "owner_id": "019c1400-7000-7000-8000-000000000067",
                     *       "sha256": "ce257f3f5bbac465515e26e64e3f6395d0c78e39acac7ad28e297cae3dcccd00",
                     *       "url": "https://media.example.org/the-address-that-was-given",
                     *       "waveform": null
                     *     }
                     */
                    "application/json": components["schemas"]["Medium"];
                };
            };
            /** @description Redirect to the bytes. */
            307: {
                headers: {
                    /** @description Where the bytes are. */
                    Location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            421: components["responses"]["Problem421"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    media_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the medium. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000065",
                     *       "position": 1042,
                     *       "revision": 2
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    messages_send_to: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "conversation_id": "019c1400-7000-7000-8000-000000000082",
                 *       "text": "a text"
                 *     }
                 */
                "application/json": components["schemas"]["SendToBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000081",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_publish: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "Good morning from the harbour"
                 *     }
                 */
                "application/json": components["schemas"]["PublishBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000087",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_read: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-As-Of": components["headers"]["AsOf"];
                    "Nova-Degraded": components["headers"]["Degraded"];
                    "Nova-Source": components["headers"]["Source"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "author": {
                     *         "display_name": "Person 89",
                     *         "handle": "person_90",
                     *         "id": "019c1400-7000-7000-8000-000000000091"
                     *       },
                     *       "comment_count": 1,
                     *       "created_at": "2026-01-31T12:00:00.000Z",
                     *       "edited_at": null,
                     *       "id": "019c1400-7000-7000-8000-000000000092",
                     *       "like_count": 0,
                     *       "liked_by_viewer": false,
                     *       "media": [],
                     *       "share_count": 0,
                     *       "text": "a post",
                     *       "visibility": "private"
                     *     }
                     */
                    "application/json": components["schemas"]["PostCard"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_delete: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "posted twice"
                 *     }
                 */
                "application/json": components["schemas"]["ReasonBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000084",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_edit: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "Good morning from the harbour"
                 *     }
                 */
                "application/json": components["schemas"]["TextBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000085",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    comments_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "author": {
                     *             "display_name": "Person 8",
                     *             "handle": "person_9",
                     *             "id": "019c1400-7000-7000-8000-000000000010"
                     *           },
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "edited_at": null,
                     *           "id": "019c1400-7000-7000-8000-000000000011",
                     *           "like_count": 0,
                     *           "liked_by_viewer": false,
                     *           "parent_comment_id": null,
                     *           "post_id": "019c1400-7000-7000-8000-000000000012",
                     *           "text": "a comment"
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Comment"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    comments_add: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "text": "Good morning from the harbour"
                 *     }
                 */
                "application/json": components["schemas"]["AddCommentBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000004",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_like: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000086",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_unlike: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000100",
                     *       "position": 1042,
                     *       "revision": null
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_restore: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the post. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000093",
                     *       "position": 1042,
                     *       "revision": 2
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_publish_batch: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "posts": [
                 *         {
                 *           "text": "Good morning from the harbour"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["PublishBatchBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "position": 1042,
                     *       "results": [
                     *         {
                     *           "accepted": {
                     *             "id": "019c1400-7000-7000-8000-000000000088",
                     *             "position": 1042,
                     *             "revision": 0
                     *           },
                     *           "status": 201
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["BatchResults"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            408: components["responses"]["Problem408"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_search: {
        parameters: {
            query: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
                /** @description Words, all of which must be there. */
                q: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "author": {
                     *             "display_name": "Person 94",
                     *             "handle": "person_95",
                     *             "id": "019c1400-7000-7000-8000-000000000096"
                     *           },
                     *           "comment_count": 1,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "edited_at": null,
                     *           "id": "019c1400-7000-7000-8000-000000000093",
                     *           "like_count": 0,
                     *           "liked_by_viewer": false,
                     *           "media": [],
                     *           "share_count": 0,
                     *           "text": "a post",
                     *           "visibility": "public"
                     *         },
                     *         {
                     *           "author": {
                     *             "display_name": "Person 97",
                     *             "handle": "person_98",
                     *             "id": "019c1400-7000-7000-8000-000000000099"
                     *           },
                     *           "comment_count": 1,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "edited_at": null,
                     *           "id": "019c1400-7000-7000-8000-000000000086",
                     *           "like_count": 1,
                     *           "liked_by_viewer": false,
                     *           "media": [],
                     *           "share_count": 0,
                     *           "text": "a post",
                     *           "visibility": "public"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJvcGFxdWUiOnRydWV9",
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    media_fetch: {
        parameters: {
            query: {
                /** @description Seconds since the Unix epoch. */
                expires: number;
                /** @description The `signature` of the presigned URL. */
                signature: string;
                /** @description The content type that the answer has. */
                type: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The folder of the address that was given. */
                folder: string;
                /** @description The name of the address that was given. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            /** @description Partial Content */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            400: components["responses"]["Problem400"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            416: components["responses"]["Problem416"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    media_store: {
        parameters: {
            query: {
                /** @description Seconds since the Unix epoch. */
                expires: number;
                /** @description The `signature` of the presigned URL. */
                signature: string;
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The folder of the address that was given. */
                folder: string;
                /** @description The name of the address that was given. */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Problem400"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            408: components["responses"]["Problem408"];
            411: components["responses"]["Problem411"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    stream_open: {
        parameters: {
            query?: {
                /** @description The last seq that the client has; -1: from the start. Without it, only what comes. `Last-Event-ID` goes first. */
                after_seq?: number;
                /** @description One conversation; without it, all of the caller's and the posts of those they follow. */
                conversation_id?: string;
            };
            header?: {
                /** @description The id of the last event that the client has */
                "Last-Event-ID"?: string | null;
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Frames, one per event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    timeline_read: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    trending_read: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "author": {
                     *             "display_name": "Person 101",
                     *             "handle": "person_102",
                     *             "id": "019c1400-7000-7000-8000-000000000103"
                     *           },
                     *           "comment_count": 2,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "edited_at": null,
                     *           "id": "019c1400-7000-7000-8000-000000000104",
                     *           "like_count": 0,
                     *           "liked_by_viewer": false,
                     *           "media": [],
                     *           "share_count": 0,
                     *           "text": "a post",
                     *           "visibility": "public"
                     *         },
                     *         {
                     *           "author": {
                     *             "display_name": "Person 97",
                     *             "handle": "person_98",
                     *             "id": "019c1400-7000-7000-8000-000000000099"
                     *           },
                     *           "comment_count": 1,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "edited_at": null,
                     *           "id": "019c1400-7000-7000-8000-000000000086",
                     *           "like_count": 1,
                     *           "liked_by_viewer": false,
                     *           "media": [],
                     *           "share_count": 0,
                     *           "text": "a post",
                     *           "visibility": "public"
                     *         }
                     *       ],
                     *       "next_cursor": "eyJvcGFxdWUiOnRydWV9",
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    media_reserve: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "content_length": 957,
                 *       "content_type": "image/png",
                 *       "sha256": "ce257f3f5bbac465515e26e64e3f6395d0c78e39acac7ad28e297cae3dcccd00"
                 *     }
                 */
                "application/json": components["schemas"]["UploadBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "expires_in": 900,
                     *       "headers": {
                     *         "content-length": "957",
                     *         "content-type": "image/png",
                     *         "x-amz-checksum-sha256": "ziV/P1u6xGVRXibmTj9jldDHjjmsrHrSjil8rj3MzQA="
                     *       },
                     *       "method": "PUT",
                     *       "position": 1042,
                     *       "presigned_url": "https://media.example.org/the-address-that-was-given",
                     *       "s3_key": "staging/019c1400700070008000000000000068",
                     *       "upload_id": "019c1400-7000-7000-8000-000000000069"
                     *     }
                     */
                    "application/json": components["schemas"]["PresignedUpload"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            408: components["responses"]["Problem408"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            421: components["responses"]["Problem421"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    media_complete: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description The id of the medium. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000064",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_register: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "display_name": "Person 120",
                 *       "handle": "person_121"
                 *     }
                 */
                "application/json": components["schemas"]["RegisterBody"];
            };
        };
        responses: {
            /** @description Created */
            201: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000119",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_read: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-As-Of": components["headers"]["AsOf"];
                    "Nova-Degraded": components["headers"]["Degraded"];
                    "Nova-Source": components["headers"]["Source"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "bio": null,
                     *       "created_at": "2026-01-31T12:00:00.000Z",
                     *       "display_name": "Person 113",
                     *       "followed_by_viewer": false,
                     *       "follower_count": 1,
                     *       "following_count": 0,
                     *       "follows_viewer": false,
                     *       "handle": "person_114",
                     *       "id": "019c1400-7000-7000-8000-000000000115",
                     *       "post_count": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Profile"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_block: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000105",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_unblock: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000122",
                     *       "position": 1042,
                     *       "revision": null
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_dismiss: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000111",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_undismiss: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000123",
                     *       "position": 1042,
                     *       "revision": null
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_follow: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000112",
                     *       "position": 1042,
                     *       "revision": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_unfollow: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id or `@handle` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000124",
                     *       "position": 1042,
                     *       "revision": null
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    followers_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "bio": null,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "display_name": "Person 53",
                     *           "followed_by_viewer": false,
                     *           "follower_count": 0,
                     *           "following_count": 1,
                     *           "follows_viewer": false,
                     *           "handle": "person_54",
                     *           "id": "019c1400-7000-7000-8000-000000000055",
                     *           "post_count": 0
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    following_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    posts_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path: {
                /** @description An id, `@handle` or `me` */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_PostCard"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            410: components["responses"]["Problem410"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_read_me: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-As-Of": components["headers"]["AsOf"];
                    "Nova-Degraded": components["headers"]["Degraded"];
                    "Nova-Source": components["headers"]["Source"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "bio": null,
                     *       "created_at": "2026-01-31T12:00:00.000Z",
                     *       "display_name": "Person 116",
                     *       "followed_by_viewer": false,
                     *       "follower_count": 0,
                     *       "following_count": 0,
                     *       "follows_viewer": false,
                     *       "handle": "person_117",
                     *       "id": "019c1400-7000-7000-8000-000000000118",
                     *       "post_count": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Profile"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            404: components["responses"]["Problem404"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_deactivate: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "posted twice"
                 *     }
                 */
                "application/json": components["schemas"]["ReasonBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000107",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            408: components["responses"]["Problem408"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    users_change_profile: {
        parameters: {
            query?: never;
            header?: {
                /** @description A new UUID for each command. Repeated with the same one, it is carried out once and answered alike. */
                "Idempotency-Key"?: components["parameters"]["IdempotencyKey"];
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "bio": "Reads, sails, bakes"
                 *     }
                 */
                "application/json": components["schemas"]["ChangeProfileBody"];
            };
        };
        responses: {
            /** @description OK */
            200: {
                headers: {
                    "Nova-Position": components["headers"]["Position"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "019c1400-7000-7000-8000-000000000106",
                     *       "position": 1042,
                     *       "revision": 1
                     *     }
                     */
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            408: components["responses"]["Problem408"];
            409: components["responses"]["Problem409"];
            410: components["responses"]["Problem410"];
            413: components["responses"]["Problem413"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    blocks_list: {
        parameters: {
            query?: {
                /** @description Wait (a little) until the views have seen this position of the log, such as the one that a command answered. */
                after?: components["parameters"]["After"];
                /** @description The `next_cursor` of the page before. */
                cursor?: components["parameters"]["Cursor"];
                /** @description How many items. */
                limit?: components["parameters"]["Limit"];
            };
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OK */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "degraded": false,
                     *       "items": [
                     *         {
                     *           "bio": null,
                     *           "created_at": "2026-01-31T12:00:00.000Z",
                     *           "display_name": "Person 1",
                     *           "followed_by_viewer": false,
                     *           "follower_count": 0,
                     *           "following_count": 0,
                     *           "follows_viewer": false,
                     *           "handle": "person_2",
                     *           "id": "019c1400-7000-7000-8000-000000000003",
                     *           "post_count": 0
                     *         }
                     *       ],
                     *       "next_cursor": null,
                     *       "source": "sqlite"
                     *     }
                     */
                    "application/json": components["schemas"]["ListOf_Profile"];
                };
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            422: components["responses"]["Problem422"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
    websocket_open: {
        parameters: {
            query?: never;
            header?: {
                /** @description For how long the client waits, in milliseconds; then the answer is 504. No longer than the server would wait. */
                "Nova-Timeout-Ms"?: components["parameters"]["Timeout"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Operations in, frames out. */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Problem400"];
            401: components["responses"]["Problem401"];
            403: components["responses"]["Problem403"];
            415: components["responses"]["Problem415"];
            426: components["responses"]["Problem426"];
            429: components["responses"]["Problem429"];
            500: components["responses"]["Problem500"];
            503: components["responses"]["Problem503"];
            504: components["responses"]["Problem504"];
        };
    };
}
