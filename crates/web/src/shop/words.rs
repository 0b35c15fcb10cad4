//! The shop's words, English and Chinese side by side, so that none is ever missing.

macro_rules! words {
    ($($name:ident: $english:literal, $chinese:literal;)*) => {
        /// All phrases of one language.
        pub struct Words {
            $(pub $name: &'static str,)*
        }

        pub const ENGLISH: Words = Words { $($name: $english,)* };
        pub const CHINESE: Words = Words { $($name: $chinese,)* };
    };
}

words! {
    // The frame of every page.
    shop_name: "Bookstore", "书店";
    skip_to_content: "Skip to content", "跳到正文";
    search: "Search", "搜索";
    search_hint: "Title, author, ISBN …", "书名、作者、ISBN……";
    stores: "Stores", "店铺";
    cart: "Cart", "购物车";
    orders: "Orders", "订单";
    account: "Account", "账户";
    selling: "Selling", "卖家";
    sign_in: "Sign in", "登录";
    sign_out: "Sign out", "退出";
    register: "Register", "注册";
    main_navigation: "Main", "主导航";
    own_navigation: "Your pages", "我的";
    footer_words: "Every book here is sold by an independent store. Your money is held until your book arrives.",
        "这里的每本书都由独立书店出售。确认收货前，货款由平台代管。";
    demo_words: "A demonstration: no book is sold, no money is real.", "演示站点：不出售真书，不使用真钱。";

    // Home.
    home_headline: "Many bookshops, one shelf", "万卷书，一处寻";
    home_words: "Look through independent stores at once, and order from several in one go. Stores are paid only once your books arrive.",
        "一次浏览众多独立书店，一次下单，多店同购，收货后才付给卖家。";
    newest: "New on the shelves", "新书上架";
    most_bought: "Bestsellers", "畅销";
    all_stores: "All stores", "全部店铺";
    no_books_yet: "No store lists a book yet.", "还没有书店上架图书。";
    newest_first: "On the shelves, newest first", "在售图书，最新在前";

    // A book.
    translated_by: "translated by", "译者";
    add_to_cart: "Add to cart", "加入购物车";
    offers: "Offers", "在售书店";
    more_offers: "More offers", "更多报价";
    cheapest_offers: "The cheapest offers", "最低报价";
    offer_store: "Store", "书店";
    in_stock: "in stock", "有货";
    sold_out: "sold out", "缺货";
    about_book: "About the book", "内容简介";
    about_author: "About the author", "作者简介";
    contents: "Contents", "目录";
    facts: "Details", "图书信息";
    publisher: "Publisher", "出版社";
    published: "Published", "出版年";
    pages: "Pages", "页数";
    binding: "Binding", "装帧";
    original_title: "Original title", "原作名";
    translator: "Translator", "译者";
    tags: "Tags", "标签";
    other_editions: "Other editions with this number", "同编号的其他版本";
    copies: "Copies", "数量";
    cover_of: "Cover of", "封面：";
    read_all: "Read all", "展开全文";

    // A store.
    store_since: "Open since", "开店时间";
    store_empty: "This store has nothing on its shelves now.", "这家书店目前没有在售图书。";
    no_stores: "No store is open yet.", "还没有书店开张。";
    more: "More", "更多";
    from_the_beginning: "From the beginning", "从头开始";
    looking_for_store: "Look in this store", "在本店搜索";

    // Results.
    results_for: "Results for", "搜索结果";
    no_results: "Nothing was found.", "没有找到相关图书。";
    no_results_hint: "Try fewer or other words, or another spelling.", "请尝试减少关键词或换一种写法。";
    relaxed_words: "Nothing has exactly these words. These come close.", "没有完全匹配的结果，以下是相近的图书。";
    sort_by: "Sort by", "排序";
    sort_relevance: "Best match", "相关度";
    sort_price_up: "Price, low to high", "价格从低到高";
    sort_price_down: "Price, high to low", "价格从高到低";
    sort_newest: "Newest", "最新";
    only_in_stock: "Only in stock", "只看有货";
    prices_reversed: "The first price is above the second.", "最低价高于最高价。";
    price_between: "Price", "价格";
    filters: "Filters", "筛选";
    apply: "Apply", "应用";
    clear_filters: "Clear filters", "清除筛选";
    previous_page: "Previous", "上一页";
    next_page: "Next", "下一页";
    page: "Page", "页";

    // The cart.
    cart_empty: "Your cart is empty.", "购物车是空的。";
    look_around: "Look around", "去逛逛";
    quantity: "Quantity", "数量";
    update: "Update", "更新";
    remove: "Remove", "移除";
    subtotal: "Subtotal", "小计";
    total: "Total", "合计";
    checkout: "Check out", "去结算";
    added_to_cart: "Added to your cart.", "已加入购物车。";
    cart_full: "Your cart holds no more. Order what is in it first.", "购物车已满，请先结算。";
    not_a_count_of_copies: "Please write a whole number of copies.", "请输入整数册数。";
    store_held_up: "This store's order can be placed once that is changed or taken out.",
        "请先修改或移除有问题的图书，再向这家书店下单。";
    not_on_sale: "no longer on sale", "已下架";
    each: "each", "单价";
    one_order_a_store: "Each store gets an order of its own.", "每家书店会生成一个独立订单。";

    // Checking out.
    checkout_title: "Check out", "结算";
    where_to: "Delivery address", "收货地址";
    saved_addresses: "Saved addresses", "已保存的地址";
    add_address: "Add an address", "添加地址";
    another_address: "Another address", "使用其他地址";
    name: "Name", "收货人";
    phone: "Phone", "电话";
    address: "Address", "地址";
    keep_address: "Keep this address on this device", "在本设备上保存此地址";
    place_orders: "Place orders", "提交订单";
    place_order: "Place order", "提交订单";
    checkout_result: "Your orders", "下单结果";
    see_order: "See the order", "查看订单";
    list_comma: ", ", "、";
    checkout_words: "You pay after ordering: right away, or within the time shown with each order.",
        "提交后再付款：可立即支付，也可在订单规定的时间内支付。";
    placed_well: "Ordered", "下单成功";
    not_placed: "Not ordered", "未能下单";
    refused_store_closed: "This store has closed.", "该书店已关闭。";
    refused_no_book: "is no longer on sale there", "已在该店下架";
    refused_total: "Costs more than one order may.", "金额超出单笔订单上限。";
    refused_key: "This page was sent before with other books. Please look at your orders.", "此页面已提交过其他内容，请查看订单。";
    still_in_cart: "What was not ordered is still in your cart.", "未下单的图书仍在购物车中。";
    pay_now: "Pay now", "立即付款";
    pay_all_now: "Pay these orders now", "立即支付这些订单";
    pay_later: "Pay later", "稍后付款";
    pay_later_words: "Until then they wait under Orders.", "请在剩余时间内到“订单”中付款。";
    addresses: "Addresses", "地址簿";
    addresses_words: "Addresses are kept on this device alone and are gone when you sign out. The shop keeps only the addresses on orders.",
        "地址只保存在本设备上，退出登录后即清除。本站只保留订单中的地址。";
    no_addresses: "No saved addresses yet.", "这里还没有地址。";
    save: "Save", "保存";
    address_not_kept: "The address was not kept: this device holds no more. Remove one under Addresses first.",
        "地址未保存：本设备上的地址已满，请先在地址簿中删除一个。";
    address_book_full: "No more addresses fit. Remove one first.", "地址已满，请先删除一个。";

    // Orders.
    orders_title: "Orders", "我的订单";
    no_orders: "There are no orders here.", "这里没有订单。";
    all_states: "All", "全部";
    state_placed: "To be paid", "待付款";
    state_paid: "Paid", "已付款";
    state_sent: "Sent", "已发货";
    state_received: "Received", "已收货";
    state_cancelled: "Cancelled", "已取消";
    order: "Order", "订单";
    order_number: "Order number", "订单号";
    older: "Older orders", "更早的订单";
    step_placed: "Placed", "已下单";
    step_paid: "Paid", "已付款";
    step_sent: "Sent", "已发货";
    step_received: "Received", "已收货";
    step_cancelled: "Cancelled", "已取消";
    progress: "Progress", "进度";
    pay_until: "Pay within", "付款剩余时间";
    pay_words: "An order that is not paid by then is cancelled by itself.", "逾期未付款的订单将自动取消。";
    counts_as_received: "Counts as received in", "自动确认收货剩余";
    pay: "Pay", "付款";
    password: "Password", "密码";
    password_to_pay: "Your password, to pay", "输入密码以付款";
    cancel_order: "Cancel this order", "取消订单";
    cancel_unpaid_words: "Its books go back on the shelf. Nothing has been paid.", "取消后图书将退回书架。";
    cancel_words: "Its books go back on the shelf, and what you paid comes back to you.", "图书将退回书架，已付款项将退还给您。";
    confirm_receipt: "It has arrived", "确认收货";
    confirm_words: "The store gets its money then, and the order can no longer be cancelled.", "确认后货款将付给书店，订单不能再取消。";
    tracking: "Tracking", "物流";
    sent_to: "Deliver to", "寄往";
    receipt: "Receipt", "收据";
    print_receipt: "Printable receipt", "打印收据";
    print_hint: "Print this page with your browser.", "请用浏览器打印此页。";
    receipt_book: "Book", "图书";
    receipt_count: "Count", "数量";
    receipt_price: "Price", "单价";
    receipt_sum: "Sum", "金额";
    back_to_order: "Back to the order", "返回订单";
    done_paid: "Paid. The store has been told.", "付款成功，已通知书店。";
    done_cancelled: "The order is cancelled.", "订单已取消。";
    done_received: "Thank you. Enjoy your books.", "感谢确认，祝阅读愉快。";
    done_sent: "The order is on its way.", "订单已发货。";
    order_wrong_state: "The order has moved on meanwhile, so this was not done.", "订单状态已变化，操作未执行。";
    too_late_to_cancel: "It is too late to cancel this order.", "此订单已不能取消。";
    not_enough_money: "There is not enough money in your account.", "账户余额不足。";
    top_up_first: "Top up", "去充值";

    // The account.
    account_title: "Your account", "我的账户";
    balance: "Balance", "余额";
    held: "Held from your sales", "待结算货款";
    spendable: "Available", "可用";
    statement: "Statement", "收支明细";
    statement_empty: "No money has moved yet.", "还没有收支记录。";
    when: "When", "时间";
    what: "What", "事项";
    amount: "Amount", "金额";
    deposit: "Top-up", "充值";
    withdrawal: "Withdrawal", "提现";
    payment: "Payment", "付款";
    sale: "Sale", "售出";
    release: "Released", "货款到账";
    refund: "Refund", "退款";
    held_change: "held", "代管";
    top_up: "Top up", "充值";
    withdraw: "Withdraw", "提现";
    amount_in_yuan: "Amount in yuan", "金额（元）";
    funding_off: "Only the operator puts money into accounts here.", "本店仅由管理员充值。";
    done_top_up: "The money is in your account.", "充值成功。";
    done_withdraw: "The money has left your account.", "提现成功。";
    change_password: "Change password", "修改密码";
    current_password: "Current password", "当前密码";
    new_password: "New password", "新密码";
    done_password: "Your password is changed, and all other devices are signed out.", "密码已修改，其他设备均已退出。";
    security: "Security", "安全";
    everywhere: "Sign out everywhere", "在所有设备上退出";
    everywhere_words: "Signs you out on every device, this one too.", "结束您的所有会话，包括当前会话。";
    close_account: "Close account", "注销账户";
    close_words: "This can't be undone. The balance must be zero and no order open; your stores close too.",
        "永久注销。需账户余额为零且没有未完成订单；您的书店也会随之关闭。";
    close_open_orders: "There are open orders, so the account stays.", "仍有未完成的订单，无法注销。";
    close_balance: "There is still money in the account.", "账户中仍有余额。";
    older_movements: "Earlier", "更早";

    // Signing in.
    sign_in_title: "Sign in", "登录";
    register_title: "Register", "注册";
    user_name: "User name", "用户名";
    no_account_yet: "No account yet?", "还没有账户？";
    account_already: "Have an account?", "已有账户？";
    wrong_credentials: "This user name and password don't go together.", "用户名或密码错误。";
    name_taken: "Somebody has this name already.", "该用户名已被使用。";
    signed_out: "You are signed out.", "您已退出登录。";
    closed: "Your account is closed.", "账户已注销。";
    demo_sign_in: "To try it out", "演示账户";
    demo_buyer: "A reader", "读者";
    demo_seller: "A seller", "卖家";
    sign_in_first: "Please sign in first.", "请先登录。";
    password_words: "A few words in a row make a good one. Up to 1,024 bytes.", "建议用几个词组合，最长 1024 字节。";

    // Selling.
    selling_title: "Orders to send", "待发货订单";
    selling_words: "Paid orders in your stores, the newest first.", "您书店中已付款的订单，最新的在前。";
    tracking_hint: "Carrier and number, if there is one", "承运商与单号（可不填）";
    send: "Mark as sent", "标记为已发货";
    nothing_to_send: "Nothing waits to be sent.", "没有待发货的订单。";
    no_address_given: "No address was given.", "未填写地址。";

    own_stores: "Your stores", "我的店铺";
    no_own_stores: "You have no store yet. Open one, and list your books in it.", "您还没有店铺。开一家店，上架您的图书吧。";
    open_store: "Open a store", "开店";
    store_name: "Name", "店名";
    store_name_words: "Readers see it on every offer. It can't be changed later.", "读者会在每个报价上看到它，开店后不能修改。";
    store_taken: "A store has this name already, or had it once.", "该店名已被使用过。";
    done_store: "Your store is open. Now list a book in it.", "店铺已开张，现在可以上架图书了。";
    list_book: "List a book", "上架图书";
    on_shelf: "On the shelves", "在售";
    off_shelf: "Off the shelves", "已下架";
    shelf_empty: "No book is on the shelves.", "没有在售图书。";
    off_shelf_empty: "No book is off the shelves.", "没有已下架的图书。";
    edit: "Edit", "编辑";
    see_in_shop: "See it in the shop", "查看在售页面";
    stock: "Copies in stock", "库存";
    price_in_yuan: "Price in yuan", "售价（元）";
    book_title: "Title", "书名";
    author: "Author", "作者";
    isbn_words: "If it has one. Stores that list the same number share a page.", "可不填。编号相同的图书共用一个页面。";
    tags_words: "Separated by commas", "用逗号分隔";
    cover: "Cover", "封面";
    more_words: "More about it", "更多信息";
    contents_words: "A line for each chapter", "每章一行";
    pictures: "Pictures", "图片";
    add_pictures: "Add pictures", "添加图片";
    pictures_words: "Up to 20 in JPEG, PNG, WebP or GIF, up to 4 MB each, 15 MB together.",
        "最多 20 张，JPEG、PNG、WebP 或 GIF，每张不超过 4 MB，共不超过 15 MB。";
    new_first: "The first one added now becomes the cover", "以本次添加的第一张为封面";
    pictures_again: "Please choose the pictures again.", "请重新选择图片。";
    too_many_pictures: "A book shows at most 20 pictures.", "每本书最多 20 张图片。";
    picture_number: "Picture", "图片";
    not_a_picture: "Not all of this is JPEG, PNG, WebP or GIF.", "有文件不是 JPEG、PNG、WebP 或 GIF 图片。";
    picture_too_large: "A picture has more than 4 MB.", "有图片超过 4 MB。";
    not_an_isbn: "This is no ISBN. Please look at its digits again.", "ISBN 有误，请核对。";
    book_listed_already: "This store lists a book of this number already.", "本店已有此编号的图书。";
    not_a_count: "Please write a whole number.", "请输入整数。";
    words_and_price: "Details and price", "内容与价格";
    add_copies: "Add copies", "增加库存";
    add_copies_words: "How many came in. Put a minus in front to take copies away.", "新到数量；前面加减号则减少库存。";
    stock_too_low: "There are fewer copies than that.", "库存没有这么多。";
    stock_sent_before: "This page was sent before. Please look at the stock first.", "此页面已提交过，请先核对库存。";
    take_off: "Take it off the shelves", "下架";
    take_off_words: "Nobody can order it then. Orders already placed stay as they are.", "下架后不能再下单，已有订单不受影响。";
    put_back: "Put it back on the shelves", "重新上架";
    put_back_words: "Nobody can order it now.", "当前不能下单。";
    done_listed: "The book is on your shelves.", "图书已上架。";
    done_saved: "Saved.", "已保存。";
    done_stock: "The stock is as it should be.", "库存已更新。";
    done_off_shelf: "The book is off the shelves.", "图书已下架。";
    done_on_shelf: "The book is back on the shelves.", "图书已重新上架。";

    // What is wrong with a field.
    must_be_filled: "Please fill this in.", "请填写此项。";
    too_long: "This is too long.", "内容过长。";
    not_allowed_characters: "These characters are not possible here.", "包含不允许的字符。";
    not_an_amount: "Please write an amount such as 50 or 12.50.", "请输入金额，如 50 或 12.50。";
    amount_too_large: "This is more than is possible.", "金额超出上限。";
    wrong_password: "This is not your password.", "密码错误。";
    error_summary: "Please check the marked fields.", "有些内容需要修改。";

    // Failures.
    not_found_title: "There is nothing here", "页面不存在";
    not_found_words: "The page may have moved, or the book is no longer on sale.", "页面可能已移动，或图书已下架。";
    refused_title: "That did not come from this shop", "请求来源不符";
    refused_words: "For your safety it was not done. Please go back, load the page again, and try once more.",
        "出于安全考虑未执行操作。请返回并刷新页面后重试。";
    busy_title: "Too much is going on", "当前访问过多";
    busy_words: "Nothing was done. Please try again in a moment.", "未执行任何操作，请稍后再试。";
    failed_title: "Something broke", "出了点问题";
    failed_words: "Nothing was done. Please try again.", "未执行任何操作，请重试。";
    unknown_words: "Whether it was done is not known. Please look before you try again.", "无法确定是否已执行，请先查看再重试。";
    attempts_title: "Too many attempts", "尝试次数过多";
    attempts_words: "Please wait a while before you try this password again.", "请稍候再尝试输入密码。";
    too_large_title: "That is too large", "内容过大";
    too_large_words: "Nothing was done. Please go back and choose a smaller picture or fewer words.", "未执行任何操作。请返回并选择较小的图片或减少文字。";
    bad_title: "That could not be read", "无法识别请求";
    bad_words: "Please go back and try again.", "请返回后重试。";
    to_start: "To the front page", "返回首页";
    request: "Request", "请求编号";
}
