import jakarta.servlet.http.*;
import java.io.*;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import javax.management.ObjectName;

/** The application that is measured: what application.go does in Go. */
public class Bench extends HttpServlet implements HttpSessionAttributeListener {
    static final int TEXT = 2048, ITEMS = 12;
    static volatile Arrivals arrivals;

    /** When counts came from the other node. */
    static class Arrivals {
        final String[] ids; final long[] times;
        final AtomicInteger next = new AtomicInteger();
        Arrivals(int n) { ids = new String[n]; times = new long[n]; }
        void add(String id) {
            int i = next.getAndIncrement();
            if (i < ids.length) { ids[i] = id; times[i] = now(); }
        }
    }

    static long now() { Instant i = Instant.now(); return i.getEpochSecond() * 1_000_000_000L + i.getNano(); }

    @Override protected void doGet(HttpServletRequest r, HttpServletResponse w) throws IOException {
        w.setContentType("text/plain");
        PrintWriter out = w.getWriter();
        switch (r.getPathInfo()) {
        case "/plain": out.print("ok"); break;
        case "/count":
            HttpSession s = r.getSession();
            Integer count = (Integer) s.getAttribute("count");
            if (count == null) { fill(s, r.getParameter("text") != null); count = 0; }
            s.setAttribute("count", count + 1);
            out.print((count + 1) + " " + now());
            break;
        case "/memory": out.print(live()); break;
        case "/sessions": out.print(sessions(r)); break;
        case "/record": arrivals = new Arrivals(Integer.parseInt(r.getParameter("n"))); out.print("ok"); break;
        case "/arrivals":
            Arrivals a = arrivals;
            for (int i = 0; i < Math.min(a.next.get(), a.ids.length); i++) out.print(a.ids[i] + " " + a.times[i] + "\n");
        }
    }

    static void fill(HttpSession s, boolean text) {
        if (text) { s.setAttribute("text", letters(TEXT)); return; }
        ArrayList<HashMap<String, Object>> cart = new ArrayList<>();
        for (int i = 0; i < ITEMS; i++) {
            HashMap<String, Object> item = new HashMap<>();
            item.put("article", letters(12)); item.put("name", letters(24)); item.put("quantity", 1 + ThreadLocalRandom.current().nextInt(9));
            item.put("cents", ThreadLocalRandom.current().nextLong(100, 1_000_000)); item.put("added", new Date());
            cart.add(item);
        }
        s.setAttribute("cart", cart);
    }

    static String letters(int n) {
        byte[] b = new byte[n];
        for (int i = 0; i < n; i++) b[i] = (byte) ('a' + ThreadLocalRandom.current().nextInt(26));
        return new String(b, 0);
    }

    /** The bytes of the heap in use once collections free no more. */
    static long live() {
        for (long before = Long.MAX_VALUE, i = 0; ; i++) {
            System.gc();
            long now = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
            if (i == 10 || now > before - before / 1000) return now;
            before = now;
        }
    }

    static Object sessions(HttpServletRequest r) throws IOException {
        try {
            ObjectName name = new ObjectName("Catalina:type=Manager,host=localhost,context=" + r.getContextPath());
            return ManagementFactory.getPlatformMBeanServer().getAttribute(name, "activeSessions");
        } catch (Exception e) { throw new IOException(e); }
    }

    @Override public void attributeAdded(HttpSessionBindingEvent e) { heard(e); }
    @Override public void attributeReplaced(HttpSessionBindingEvent e) { heard(e); }
    @Override public void attributeRemoved(HttpSessionBindingEvent e) { }

    static void heard(HttpSessionBindingEvent e) {
        Arrivals a = arrivals;
        if (a != null && e.getName().equals("count")) a.add(e.getSession().getId());
    }
}
